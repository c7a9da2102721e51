//! Shared objects in sets that are ordered by the objects' own keys: the key is not stored a second time.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Name, Protocol, Service, ServiceKey, ServicePortView, ViewKey};

macro_rules! by_key {
    ($name:ident, $object:ty, $key:ty) => {
        /// An object, compared by its key alone.
        #[derive(Debug, Clone)]
        struct $name(Arc<$object>);

        impl Borrow<$key> for $name {
            fn borrow(&self) -> &$key {
                &self.0.key
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.key == other.0.key
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.key.cmp(&other.0.key)
            }
        }
    };
}

by_key!(ServiceByKey, Service, ServiceKey);
by_key!(ViewByKey, ServicePortView, ViewKey);

/// Services by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Services(BTreeSet<ServiceByKey>);

impl Services {
    pub(crate) fn get(&self, key: &ServiceKey) -> Option<&Arc<Service>> {
        self.0.get(key).map(|found| &found.0)
    }

    /// Puts `service` in; gives the one back that had its key.
    pub(crate) fn insert(&mut self, service: Arc<Service>) -> Option<Arc<Service>> {
        self.0.replace(ServiceByKey(service)).map(|before| before.0)
    }

    pub(crate) fn remove(&mut self, key: &ServiceKey) -> Option<Arc<Service>> {
        self.0.take(key).map(|before| before.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.0.iter().map(|found| &found.0)
    }
}

/// Views by key.
#[derive(Debug, Clone, Default)]
pub struct Views(BTreeSet<ViewByKey>);

impl Views {
    /// The view called `key`.
    #[must_use]
    pub fn get(&self, key: &ViewKey) -> Option<&Arc<ServicePortView>> {
        self.0.get(key).map(|found| &found.0)
    }

    /// Puts `view` in, in the place of the one with its key.
    pub fn insert(&mut self, view: Arc<ServicePortView>) {
        self.0.replace(ViewByKey(view));
    }

    /// Takes the view called `key` out.
    pub fn remove(&mut self, key: &ViewKey) {
        self.0.remove(key);
    }

    /// All views.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ServicePortView>> {
        self.0.iter().map(|found| &found.0)
    }

    /// The views of the Service called `key`. Found without visiting those of others.
    pub fn of_service<'a>(
        &'a self,
        key: &'a ServiceKey,
    ) -> impl Iterator<Item = &'a Arc<ServicePortView>> {
        let (port, protocol, family) = (Name::new(), Protocol::Tcp, crate::Family::IPv4);
        let first = ViewKey { service: key.clone(), port, protocol, family };
        let from = self.0.range(first..).map(|found| &found.0);
        from.take_while(move |view| view.key.service == *key)
    }
}

impl PartialEq for Views {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Views {}
