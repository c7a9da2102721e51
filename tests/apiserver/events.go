// Events: two groups serve one store, so what is kept is told in either form.
package main

import (
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
)

// addEventConversions registers the three ways between the forms that are gone.
func addEventConversions(scheme *runtime.Scheme) error {
	if err := scheme.AddConversionFunc((*corev1.Event)(nil), (*eventsv1.Event)(nil), func(from, to any, _ conversion.Scope) error {
		toEvents(from.(*corev1.Event), to.(*eventsv1.Event))
		return nil
	}); err != nil {
		return err
	}
	if err := scheme.AddConversionFunc((*eventsv1.Event)(nil), (*corev1.Event)(nil), func(from, to any, _ conversion.Scope) error {
		toCore(from.(*eventsv1.Event), to.(*corev1.Event))
		return nil
	}); err != nil {
		return err
	}
	return scheme.AddConversionFunc((*corev1.EventList)(nil), (*eventsv1.EventList)(nil), func(from, to any, _ conversion.Scope) error {
		list, out := from.(*corev1.EventList), to.(*eventsv1.EventList)
		out.ListMeta = list.ListMeta
		out.Items = make([]eventsv1.Event, len(list.Items))
		for i := range list.Items {
			toEvents(&list.Items[i], &out.Items[i])
		}
		return nil
	})
}

// toEvents is what became of the fields of v1 in events.k8s.io/v1.
func toEvents(from *corev1.Event, to *eventsv1.Event) {
	to.ObjectMeta = from.ObjectMeta
	to.EventTime = from.EventTime
	if from.Series != nil {
		to.Series = &eventsv1.EventSeries{Count: from.Series.Count, LastObservedTime: from.Series.LastObservedTime}
	}
	to.ReportingController = from.ReportingController
	to.ReportingInstance = from.ReportingInstance
	to.Action = from.Action
	to.Reason = from.Reason
	to.Regarding = from.InvolvedObject
	to.Related = from.Related
	to.Note = from.Message
	to.Type = from.Type
	to.DeprecatedSource = from.Source
	to.DeprecatedFirstTimestamp = from.FirstTimestamp
	to.DeprecatedLastTimestamp = from.LastTimestamp
	to.DeprecatedCount = from.Count
}

// toCore is the way back.
func toCore(from *eventsv1.Event, to *corev1.Event) {
	to.ObjectMeta = from.ObjectMeta
	to.EventTime = from.EventTime
	if from.Series != nil {
		to.Series = &corev1.EventSeries{Count: from.Series.Count, LastObservedTime: from.Series.LastObservedTime}
	}
	to.ReportingController = from.ReportingController
	to.ReportingInstance = from.ReportingInstance
	to.Action = from.Action
	to.Reason = from.Reason
	to.InvolvedObject = from.Regarding
	to.Related = from.Related
	to.Message = from.Note
	to.Type = from.Type
	to.Source = from.DeprecatedSource
	to.FirstTimestamp = from.DeprecatedFirstTimestamp
	to.LastTimestamp = from.DeprecatedLastTimestamp
	to.Count = from.DeprecatedCount
}
