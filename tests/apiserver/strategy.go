// How objects are made, changed and removed: as the library has it, with as few rules of our own as a proxy can do with.
package main

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// strategy is the rules for one resource, or for its status.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	resource resource
	// status is whether these are the rules for the status alone.
	status bool
}

func (s strategy) NamespaceScoped() bool { return s.resource.namespaced }

func (s strategy) PrepareForCreate(_ context.Context, object runtime.Object) {
	if s.resource.copyStatus != nil && !s.resource.statusAtCreation {
		s.resource.copyStatus(object, s.resource.object())
	}
	s.fillIn(object)
	if s.resource.counted {
		accessor(object).SetGeneration(1)
	}
}

func (s strategy) PrepareForUpdate(_ context.Context, object, old runtime.Object) {
	if s.resource.copyStatus != nil {
		s.prepareStatus(object, old)
	}
	s.fillIn(object)
	if s.resource.counted {
		generation := accessor(old).GetGeneration()
		if !sameContent(object, old) {
			generation++
		}
		accessor(object).SetGeneration(generation)
	}
}

// prepareStatus has an update of the object leave the status alone, and one of the status all but itself and the metadata, as
// kube-apiserver's strategies for Services and Nodes have it (pkg/registry/core).
func (s strategy) prepareStatus(object, old runtime.Object) {
	if !s.status {
		s.resource.copyStatus(object, old)
		return
	}
	wanted := object.DeepCopyObject()
	assign(object, old.DeepCopyObject())
	s.resource.copyStatus(object, wanted)
	from, to := accessor(wanted), accessor(object)
	to.SetLabels(from.GetLabels())
	to.SetAnnotations(from.GetAnnotations())
	to.SetFinalizers(from.GetFinalizers())
	to.SetOwnerReferences(from.GetOwnerReferences())
	// The version is what the client saw, and the library says whose fields these are.
	to.SetResourceVersion(from.GetResourceVersion())
	to.SetManagedFields(from.GetManagedFields())
}

func (s strategy) fillIn(object runtime.Object) {
	if s.resource.defaults != nil && !s.status {
		s.resource.defaults(object)
	}
}

func (s strategy) Validate(_ context.Context, object runtime.Object) field.ErrorList {
	valid := s.resource.validName
	if valid == nil {
		valid = validation.NameIsDNSSubdomain
	}
	return validation.ValidateObjectMetaAccessor(accessor(object), s.resource.namespaced, valid, field.NewPath("metadata"))
}

func (strategy) ValidateUpdate(_ context.Context, object, old runtime.Object) field.ErrorList {
	return validation.ValidateObjectMetaAccessorUpdate(accessor(object), accessor(old), field.NewPath("metadata"))
}

func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string        { return nil }
func (strategy) WarningsOnUpdate(_ context.Context, _, _ runtime.Object) []string { return nil }
func (strategy) Canonicalize(runtime.Object)                                      {}
func (strategy) AllowCreateOnUpdate() bool                                        { return false }
func (strategy) AllowUnconditionalUpdate() bool                                   { return true }

// GetResetFields are the fields that an update leaves alone, and that nobody comes to own by it.
func (s strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	left := fieldpath.MakePathOrDie("status")
	if s.status {
		left = fieldpath.MakePathOrDie("spec")
	}
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(s.resource.version.String()): fieldpath.NewSet(left),
	}
}

// attributes are what selectors go by.
func (s strategy) attributes(object runtime.Object) (labels.Set, fields.Set, error) {
	meta := accessor(object)
	known := fields.Set{"metadata.name": meta.GetName()}
	if s.resource.namespaced {
		known["metadata.namespace"] = meta.GetNamespace()
	}
	for name, value := range s.resource.selectable(object) {
		known[name] = value
	}
	return meta.GetLabels(), known, nil
}

// served is a store with its short names.
type served struct {
	*genericregistry.Store
	shortNames []string
}

func (s served) ShortNames() []string { return s.shortNames }

// newStores makes the store of a resource, and the one of its status where it has one.
func newStores(resource resource, options generic.RESTOptionsGetter) (rest.Storage, rest.Storage, error) {
	rules := strategy{ObjectTyper: scheme, NameGenerator: names.SimpleNameGenerator, resource: resource}
	name := resource.version.WithResource(resource.plural).GroupResource()
	store := &genericregistry.Store{
		NewFunc:                   resource.object,
		NewListFunc:               resource.list,
		DefaultQualifiedResource:  name,
		SingularQualifiedResource: resource.version.WithResource(resource.singular).GroupResource(),
		PredicateFunc: func(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
			return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: rules.attributes}
		},
		CreateStrategy:      rules,
		UpdateStrategy:      rules,
		DeleteStrategy:      rules,
		ReturnDeletedObject: resource.returned,
		TableConvertor:      rest.NewDefaultTableConvertor(name),
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options, AttrFunc: rules.attributes}); err != nil {
		return nil, nil, err
	}
	if resource.copyStatus == nil {
		return served{store, resource.shortNames}, nil, nil
	}
	store.ResetFieldsStrategy = rules
	rules.status = true
	status := *store
	status.UpdateStrategy = rules
	status.ResetFieldsStrategy = rules
	return served{store, resource.shortNames}, statusOf{&status}, nil
}

// statusOf is the subresource: it is read and changed, and nothing else.
type statusOf struct{ store *genericregistry.Store }

func (s statusOf) New() runtime.Object { return s.store.New() }

// Destroy leaves the storage to the store that it is shared with.
func (statusOf) Destroy() {}

func (s statusOf) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return s.store.Get(ctx, name, options)
}

func (s statusOf) Update(
	ctx context.Context, name string, info rest.UpdatedObjectInfo, _ rest.ValidateObjectFunc,
	validate rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions,
) (runtime.Object, bool, error) {
	// A status is never made without its object.
	return s.store.Update(ctx, name, info, rest.ValidateAllObjectFunc, validate, false, options)
}

func (s statusOf) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.store.GetResetFields()
}

func (s statusOf) ConvertToTable(ctx context.Context, object, options runtime.Object) (*metav1.Table, error) {
	return s.store.ConvertToTable(ctx, object, options)
}

// accessor is the metadata of an object; every kind that is served has it.
func accessor(object runtime.Object) metav1.Object {
	found, err := meta.Accessor(object)
	if err != nil {
		panic(err)
	}
	return found
}
