//! Creating, changing and deleting.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::ListQuery;
use super::watch::EventKind;
use super::{Key, List, Store};
use crate::defaults;
use crate::failure::Failure;
use crate::form;
use crate::managed;
use crate::object::{Object, map_mut, metadata, metadata_mut};
use crate::patch::Patch;
use crate::resource::Resource;
use crate::schema;
use crate::validation;

/// Which part of an object a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All but the status, where that is a part of its own.
    Main,
    /// The status.
    Status,
}

/// How a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The time.
    pub now: Timestamp,
    /// Who makes it.
    pub manager: String,
    /// Whether it is only tried.
    pub dry_run: bool,
    /// What happens to fields that the kind does not have, or not of that type.
    pub decoding: Decoding,
}

/// What happens to fields that a kind does not have, or not of that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// All is kept as it comes, however wrong: for objects that no real server would keep.
    AsIs,
    /// A field of another type refuses the object; an unknown one is left out.
    Typed,
    /// An unknown field refuses the object, too.
    Strict,
}

impl WriteOptions {
    /// A real change by somebody, at a time, of an object whose types are checked.
    pub fn new(manager: &str, now: Timestamp) -> Self {
        Self { now, manager: manager.to_owned(), dry_run: false, decoding: Decoding::Typed }
    }

    /// An object in the form that is stored, checked as these options have it.
    fn decoded(&self, resource: &Resource, mut object: Value) -> Result<Value, Failure> {
        if self.decoding != Decoding::AsIs {
            schema::check(resource, &mut object, self.decoding == Decoding::Strict)?;
        }
        Ok(form::to_stored(resource, object))
    }
}

/// How an object is deleted, and under which conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteOptions {
    /// The time.
    pub now: Timestamp,
    /// Whether it is only tried.
    pub dry_run: bool,
    /// The UID that it must have.
    pub uid: Option<String>,
    /// The version that it must have.
    pub version: Option<String>,
}

impl DeleteOptions {
    /// An unconditional deletion.
    pub fn new(now: Timestamp) -> Self {
        Self { now, dry_run: false, uid: None, version: None }
    }
}

/// What a deletion came to.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// It is gone; this it was last.
    Gone(Arc<Object>),
    /// It waits for its finalizers.
    Pending(Arc<Object>),
}

/// A time as Kubernetes writes it.
pub(crate) fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Store {
    /// Creates an object. The answer is in the form that is stored, which differs for `events.k8s.io` alone.
    ///
    /// # Errors
    ///
    /// If there is one of that name, or its metadata is not in order.
    pub fn create(
        &mut self,
        resource: &Resource,
        namespace: &str,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        let mut object = options.decoded(resource, object)?;
        check_identity(resource, namespace, None, &mut object)?;
        if !metadata(&object, "resourceVersion").is_empty() {
            let what = "resourceVersion should not be set on objects to be created";
            return Err(Failure::bad_request(what));
        }
        let identities = self.identities;
        let uid = self.next_identity();
        self.choose_name(resource, namespace, &mut object);
        let answer = self.create_checked(resource, namespace, object, uid, options);
        if answer.is_err() || options.dry_run {
            self.identities = identities;
        }
        answer
    }

    fn create_checked(
        &mut self,
        resource: &Resource,
        namespace: &str,
        mut object: Value,
        uid: u64,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        validation::check(resource, &object)?;
        let key = Key::new(resource, namespace, metadata(&object, "name"));
        if self.objects.contains_key(&key) {
            return Err(Failure::exists(resource, key.name()));
        }
        if resource.kind == "Service" {
            object["status"] = json!({"loadBalancer": {}});
        }
        defaults::fill_in(resource, &mut object);
        let fields = metadata_mut(&mut object);
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
            fields.remove(field);
        }
        fields.insert("uid".to_owned(), json!(format!("00000000-0000-4000-8000-{uid:012x}")));
        fields.insert("creationTimestamp".to_owned(), json!(time_text(options.now)));
        if resource.counts_generations {
            fields.insert("generation".to_owned(), json!(1));
        }
        managed::note(resource, &Value::Null, &mut object, Part::Main, options);
        if options.dry_run {
            return Ok(Arc::new(Object::new(resource.storage, object, 0)));
        }
        let object = Object::new(resource.storage, object, self.revision + 1);
        Ok(self.commit(EventKind::Added, key, object))
    }

    /// A name from `generateName`, which is free.
    fn choose_name(&self, resource: &Resource, namespace: &str, object: &mut Value) {
        let prefix = metadata(object, "generateName").to_owned();
        if !metadata(object, "name").is_empty() || prefix.is_empty() {
            return;
        }
        let mut seed = self.identities;
        loop {
            let name = format!("{prefix}{}", suffix(seed));
            if !self.objects.contains_key(&Key::new(resource, namespace, &name)) {
                metadata_mut(object).insert("name".to_owned(), json!(name));
                return;
            }
            seed += 1;
        }
    }

    /// Replaces an object, or its status.
    ///
    /// # Errors
    ///
    /// If there is none of that name, if it was changed since the version that `object` is made from, or if its metadata is not in
    /// order.
    pub fn update(
        &mut self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        part: Part,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        let mut object = options.decoded(resource, object)?;
        check_identity(resource, namespace, Some(name), &mut object)?;
        let before = self.get(resource, namespace, name)?;
        check_unchanged(resource, &before, &object)?;
        self.replace(resource, &before, part, object, options)
    }

    /// Changes an object by a patch. What a patch is applied to is the newest version, so that only a version in the patch itself can
    /// conflict.
    ///
    /// # Errors
    ///
    /// If there is no such object, where the patch does not make one, or the patch cannot be applied.
    pub fn patch(
        &mut self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        let before = match self.get(resource, namespace, name) {
            Ok(before) => before,
            Err(missing) => {
                let mut object =
                    patch.new_object(resource, name, &options.manager).ok_or(missing)??;
                metadata_mut(&mut object).insert("name".to_owned(), json!(name));
                return self.create(resource, namespace, object, options);
            }
        };
        let shown = form::shown(resource, before.value());
        let patched = patch.apply(resource, &shown, &options.manager)?;
        let mut object = options
            .decoded(resource, patched)
            .map_err(|failure| Failure::invalid_patch(patch.value(), &failure.message))?;
        check_identity(resource, namespace, Some(name), &mut object)?;
        check_unchanged(resource, &before, &object)?;
        self.replace(resource, &before, part, object, options)
    }

    fn replace(
        &mut self,
        resource: &Resource,
        before: &Arc<Object>,
        part: Part,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        let was = before.value();
        let mut object = combined(resource, &was, object, part);
        defaults::fill_in(resource, &mut object);
        validation::check(resource, &object)?;
        managed::note(resource, &was, &mut object, part, options);
        if managed::is_same(&was, &object) {
            return Ok(Arc::clone(before));
        }
        if resource.counts_generations && is_wanted_otherwise(&was, &object) {
            let generation = was["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
            metadata_mut(&mut object).insert("generation".to_owned(), json!(generation));
        }
        if options.dry_run {
            return Ok(Arc::new(Object::new(resource.storage, object, before.revision())));
        }
        let key = Key::new(resource, before.namespace(), before.name());
        let is_last =
            !metadata(&object, "deletionTimestamp").is_empty() && !has_finalizers(&object);
        let change = if is_last { EventKind::Deleted } else { EventKind::Modified };
        let object = Object::new(resource.storage, object, self.revision + 1);
        Ok(self.commit(change, key, object))
    }

    /// Deletes an object, or marks it where finalizers keep it.
    ///
    /// # Errors
    ///
    /// If there is none, or a condition does not hold.
    pub fn delete(
        &mut self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        options: &DeleteOptions,
    ) -> Result<Deleted, Failure> {
        let before = self.get(resource, namespace, name)?;
        check_preconditions(resource, &before, options)?;
        let was = before.value();
        let is_kept = has_finalizers(&was);
        if options.dry_run || (is_kept && !metadata(&was, "deletionTimestamp").is_empty()) {
            return Ok(if is_kept { Deleted::Pending(before) } else { Deleted::Gone(before) });
        }
        let key = Key::new(resource, namespace, name);
        if !is_kept {
            let last = before.at(self.revision + 1);
            return Ok(Deleted::Gone(self.commit(EventKind::Deleted, key, last)));
        }
        let mut marked = was;
        let fields = metadata_mut(&mut marked);
        fields.insert("deletionTimestamp".to_owned(), json!(time_text(options.now)));
        fields.insert("deletionGracePeriodSeconds".to_owned(), json!(0));
        let marked = Object::new(resource.storage, marked, self.revision + 1);
        Ok(Deleted::Pending(self.commit(EventKind::Modified, key, marked)))
    }

    /// Deletes all that a list would hold. The answer is that list, as the objects were.
    ///
    /// # Errors
    ///
    /// As the list.
    pub fn delete_collection(
        &mut self,
        resource: &Resource,
        query: &ListQuery,
        options: &DeleteOptions,
    ) -> Result<List, Failure> {
        let mut list = self.list(resource, query)?;
        for object in &list.items {
            self.delete(resource, (object.namespace(), object.name()), options)?;
        }
        list.revision = self.revision;
        Ok(list)
    }
}

/// Five letters as the API server's name generator has them, from a number.
fn suffix(mut seed: u64) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut text = String::new();
    for _ in 0..5 {
        text.push(char::from(LETTERS[usize::try_from(seed % 27).unwrap_or(0)]));
        seed /= 27;
    }
    text
}

/// The object must be of the kind, in the namespace and, where the path has one, of the name that it is sent to.
fn check_identity(
    resource: &Resource,
    namespace: &str,
    name: Option<&str>,
    object: &mut Value,
) -> Result<(), Failure> {
    if !object.is_object() {
        return Err(Failure::bad_request("the object provided is not a JSON object"));
    }
    let stored_version = form::stored_version(resource);
    for (field, expected) in [("kind", resource.kind), ("apiVersion", stored_version.as_str())] {
        let found = object[field].as_str().unwrap_or_default();
        if !found.is_empty() && found != expected {
            let message = format!(
                "the {field} in the data ({found}) does not match the expected {field} ({expected})"
            );
            return Err(Failure::bad_request(message));
        }
        map_mut(object).insert(field.to_owned(), json!(expected));
    }
    let found = metadata(object, "name").to_owned();
    if let Some(name) = name
        && found != name
        && !found.is_empty()
    {
        let message =
            format!("the name of the object ({found}) does not match the name on the URL ({name})");
        return Err(Failure::bad_request(message));
    }
    let found = metadata(object, "namespace").to_owned();
    let wanted = if resource.namespaced { namespace } else { "" };
    if !found.is_empty() && found != wanted {
        let what =
            "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(what));
    }
    let fields = metadata_mut(object);
    if resource.namespaced {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    if let Some(name) = name {
        fields.insert("name".to_owned(), json!(name));
    }
    Ok(())
}

fn check_unchanged(resource: &Resource, before: &Object, object: &Value) -> Result<(), Failure> {
    let version = metadata(object, "resourceVersion");
    if !version.is_empty() && version != before.revision().to_string() {
        return Err(Failure::stale(resource, before.name()));
    }
    let uid = metadata(object, "uid");
    if !uid.is_empty() && uid != before.uid() {
        return Err(Failure::conflict(
            resource,
            before.name(),
            &precondition("UID", uid, before.uid()),
        ));
    }
    Ok(())
}

fn check_preconditions(
    resource: &Resource,
    before: &Object,
    options: &DeleteOptions,
) -> Result<(), Failure> {
    let version = before.revision().to_string();
    let conditions =
        [("UID", &options.uid, before.uid()), ("ResourceVersion", &options.version, &version)];
    for (what, wanted, found) in conditions {
        if let Some(wanted) = wanted
            && wanted != found
        {
            let why = precondition(what, wanted, found);
            return Err(Failure::conflict(resource, before.name(), &why));
        }
    }
    Ok(())
}

fn precondition(what: &str, wanted: &str, found: &str) -> String {
    format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}")
}

/// What a change makes of an object: the part that it is for from the change, the rest as it was.
fn combined(resource: &Resource, before: &Value, change: Value, part: Part) -> Value {
    let mut object = match part {
        Part::Main => change,
        Part::Status => {
            let mut object = before.clone();
            put(map_mut(&mut object), "status", &change["status"]);
            for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"]
            {
                put(metadata_mut(&mut object), field, &change["metadata"][field]);
            }
            object
        }
    };
    if part == Part::Main && resource.has_status {
        put(map_mut(&mut object), "status", &before["status"]);
    }
    let kept = [
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ];
    let fields = metadata_mut(&mut object);
    fields.remove("selfLink");
    fields.remove("resourceVersion");
    for field in kept {
        put(fields, field, &before["metadata"][field]);
    }
    if !fields.contains_key("managedFields") {
        put(fields, "managedFields", &before["metadata"]["managedFields"]);
    }
    object
}

fn put(fields: &mut serde_json::Map<String, Value>, field: &str, value: &Value) {
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value.clone());
    }
}

/// Whether more differs than metadata, labels aside.
fn is_wanted_otherwise(before: &Value, after: &Value) -> bool {
    let without = |object: &Value| {
        let mut object = object.clone();
        let labels = object["metadata"]["labels"].clone();
        object["metadata"] = labels;
        object
    };
    without(before) != without(after)
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}
