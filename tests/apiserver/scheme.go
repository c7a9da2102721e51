// The kinds that are served: the published Go types, known to the library under their own version and as its internal one.
package main

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

var (
	scheme         = runtime.NewScheme()
	codecs         = serializer.NewCodecFactory(scheme)
	parameterCodec = runtime.NewParameterCodec(scheme)
	// published has no internal versions: OpenAPI must not show them.
	published = runtime.NewScheme()
)

// versions of the groups that are served, the one with the old paths first.
var versions = []schema.GroupVersion{
	corev1.SchemeGroupVersion,
	discoveryv1.SchemeGroupVersion,
	coordinationv1.SchemeGroupVersion,
	eventsv1.SchemeGroupVersion,
}

func init() {
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, discoveryv1.AddToScheme, coordinationv1.AddToScheme, eventsv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
		utilruntime.Must(add(published))
	}
	utilruntime.Must(addEventConversions(scheme))
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	for _, version := range versions {
		utilruntime.Must(scheme.SetVersionPriority(version))
	}
	// A type that is its own internal version is converted by leaving it as it is.
	for _, resource := range resources {
		internal := schema.GroupVersion{Group: resource.version.Group, Version: runtime.APIVersionInternal}
		scheme.AddKnownTypes(internal, resource.object(), resource.list())
		utilruntime.Must(addFieldLabels(resource))
	}
	events := schema.GroupVersion{Group: eventsv1.GroupName, Version: runtime.APIVersionInternal}
	scheme.AddKnownTypes(events, &corev1.Event{}, &corev1.EventList{})
}

// addFieldLabels tells which fields a selector may name: the name, the namespace and what the resource has besides.
func addFieldLabels(resource resource) error {
	kinds, _, err := scheme.ObjectKinds(resource.object())
	if err != nil {
		return err
	}
	known := resource.selectable(resource.object())
	return scheme.AddFieldLabelConversionFunc(resource.version.WithKind(kinds[0].Kind), func(label, value string) (string, string, error) {
		if fields.Set(known).Has(label) {
			return label, value, nil
		}
		return runtime.DefaultMetaV1FieldSelectorConversion(label, value)
	})
}
