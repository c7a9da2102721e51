// What is served, resource by resource: names, fields to select by, and what the server fills in.
package main

import (
	"reflect"
	"strconv"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// resource is one row of what is served.
type resource struct {
	version    schema.GroupVersion
	plural     string
	singular   string
	shortNames []string
	namespaced bool
	object     func() runtime.Object
	list       func() runtime.Object
	// fields to select by, besides name and namespace.
	fields func(runtime.Object) fields.Set
	// defaults fills in what a client may leave out.
	defaults func(runtime.Object)
	// copyStatus takes the status over; a resource without it has no subresource for it.
	copyStatus func(to, from runtime.Object)
	// statusAtCreation is whether a status is kept that comes with a new object.
	statusAtCreation bool
	// validName checks a name; by default it has to be a DNS subdomain.
	validName validation.ValidateNameFunc
	// returned is whether a removal answers with the object, and not with a Status.
	returned bool
	// counted is whether metadata.generation counts the changes of what is wanted.
	counted bool
}

// selectable are the fields that a selector may name.
func (r resource) selectable(object runtime.Object) fields.Set {
	if r.fields == nil {
		return nil
	}
	return r.fields(object)
}

var resources = []resource{
	{
		version: corev1.SchemeGroupVersion, plural: "namespaces", singular: "namespace", shortNames: []string{"ns"},
		object: func() runtime.Object { return &corev1.Namespace{} },
		list:   func() runtime.Object { return &corev1.NamespaceList{} },
		fields: func(o runtime.Object) fields.Set {
			return fields.Set{"status.phase": string(o.(*corev1.Namespace).Status.Phase)}
		},
		validName: validation.NameIsDNSLabel,
		defaults:  func(o runtime.Object) { o.(*corev1.Namespace).Status.Phase = corev1.NamespaceActive },
		copyStatus: func(to, from runtime.Object) {
			to.(*corev1.Namespace).Status = from.(*corev1.Namespace).Status
		},
	},
	{
		version: corev1.SchemeGroupVersion, plural: "nodes", singular: "node", shortNames: []string{"no"},
		object: func() runtime.Object { return &corev1.Node{} },
		list:   func() runtime.Object { return &corev1.NodeList{} },
		fields: func(o runtime.Object) fields.Set {
			return fields.Set{"spec.unschedulable": strconv.FormatBool(o.(*corev1.Node).Spec.Unschedulable)}
		},
		copyStatus:       func(to, from runtime.Object) { to.(*corev1.Node).Status = from.(*corev1.Node).Status },
		statusAtCreation: true,
	},
	{
		version: corev1.SchemeGroupVersion, plural: "services", singular: "service", shortNames: []string{"svc"}, namespaced: true,
		object: func() runtime.Object { return &corev1.Service{} },
		list:   func() runtime.Object { return &corev1.ServiceList{} },
		fields: func(o runtime.Object) fields.Set {
			spec := o.(*corev1.Service).Spec
			return fields.Set{"spec.clusterIP": spec.ClusterIP, "spec.type": string(spec.Type)}
		},
		validName:  validation.NameIsDNS1035Label,
		returned:   true,
		defaults:   defaultService,
		copyStatus: func(to, from runtime.Object) { to.(*corev1.Service).Status = from.(*corev1.Service).Status },
	},
	{
		version: corev1.SchemeGroupVersion, plural: "pods", singular: "pod", shortNames: []string{"po"}, namespaced: true,
		object: func() runtime.Object { return &corev1.Pod{} },
		list:   func() runtime.Object { return &corev1.PodList{} },
		fields: func(o runtime.Object) fields.Set {
			pod := o.(*corev1.Pod)
			return fields.Set{
				"spec.nodeName": pod.Spec.NodeName, "status.phase": string(pod.Status.Phase), "status.podIP": pod.Status.PodIP,
			}
		},
		returned:   true,
		copyStatus: func(to, from runtime.Object) { to.(*corev1.Pod).Status = from.(*corev1.Pod).Status },
	},
	{
		version: corev1.SchemeGroupVersion, plural: "configmaps", singular: "configmap", shortNames: []string{"cm"}, namespaced: true,
		object: func() runtime.Object { return &corev1.ConfigMap{} },
		list:   func() runtime.Object { return &corev1.ConfigMapList{} },
	},
	{
		version: corev1.SchemeGroupVersion, plural: "events", singular: "event", shortNames: []string{"ev"}, namespaced: true,
		object: func() runtime.Object { return &corev1.Event{} },
		list:   func() runtime.Object { return &corev1.EventList{} },
		fields: func(o runtime.Object) fields.Set {
			event := o.(*corev1.Event)
			return fields.Set{
				"involvedObject.kind": event.InvolvedObject.Kind, "involvedObject.name": event.InvolvedObject.Name,
				"involvedObject.namespace": event.InvolvedObject.Namespace, "involvedObject.uid": string(event.InvolvedObject.UID),
				"reason": event.Reason, "type": event.Type, "reportingComponent": event.ReportingController,
			}
		},
	},
	{
		version: discoveryv1.SchemeGroupVersion, plural: "endpointslices", singular: "endpointslice", namespaced: true,
		object:   func() runtime.Object { return &discoveryv1.EndpointSlice{} },
		list:     func() runtime.Object { return &discoveryv1.EndpointSliceList{} },
		defaults: defaultSlice,
		counted:  true,
	},
	{
		version: coordinationv1.SchemeGroupVersion, plural: "leases", singular: "lease", namespaced: true,
		object: func() runtime.Object { return &coordinationv1.Lease{} },
		list:   func() runtime.Object { return &coordinationv1.LeaseList{} },
	},
}

// defaultService fills in what SetDefaults_Service of kubernetes/pkg/apis/core/v1/defaults.go does, as far as proxies read it.
// Addresses and node ports are not allocated.
func defaultService(object runtime.Object) {
	spec := &object.(*corev1.Service).Spec
	setDefault(&spec.Type, corev1.ServiceTypeClusterIP)
	setDefault(&spec.SessionAffinity, corev1.ServiceAffinityNone)
	for i := range spec.Ports {
		port := &spec.Ports[i]
		setDefault(&port.Protocol, corev1.ProtocolTCP)
		setDefault(&port.TargetPort, intstr.FromInt32(port.Port))
	}
	if spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	if spec.InternalTrafficPolicy == nil {
		cluster := corev1.ServiceInternalTrafficPolicyCluster
		spec.InternalTrafficPolicy = &cluster
	}
	if spec.Type != corev1.ServiceTypeClusterIP {
		setDefault(&spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster)
	}
	if spec.ClusterIP != "" && len(spec.ClusterIPs) == 0 {
		spec.ClusterIPs = []string{spec.ClusterIP}
	}
}

// defaultSlice fills in what kubernetes/pkg/apis/discovery/v1/defaults.go does.
func defaultSlice(object runtime.Object) {
	ports := object.(*discoveryv1.EndpointSlice).Ports
	for i := range ports {
		if ports[i].Name == nil {
			ports[i].Name = new(string)
		}
		if ports[i].Protocol == nil {
			tcp := corev1.ProtocolTCP
			ports[i].Protocol = &tcp
		}
	}
}

// setDefault sets what is not set.
func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// sameContent tells whether two objects are equal but for their metadata.
func sameContent(one, other runtime.Object) bool {
	return reflect.DeepEqual(withoutMetadata(one), withoutMetadata(other))
}

func withoutMetadata(object runtime.Object) any {
	bare := reflect.ValueOf(object.DeepCopyObject()).Elem()
	for _, name := range []string{"TypeMeta", "ObjectMeta"} {
		bare.FieldByName(name).SetZero()
	}
	return bare.Interface()
}

// assign makes one object what another of its type is.
func assign(to, from runtime.Object) {
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(from).Elem())
}
