//! What HNS tells those who registered with it (`HcnRegisterServiceCallback`).
//!
//! Values and names are those of the Windows SDK (`HCN_NOTIFICATIONS`), the data is `NotificationBase` of the published
//! schema. There is none for load balancers, nor for endpoints that are made or deleted: a client that must know of those
//! reads them again from time to time.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lenient::{self, is_default};
use crate::{Guid, UnknownMembers, hresult};

macro_rules! notifications {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum NotificationType {
            $($(#[$doc])* $name,)*
            /// Something that is not known here.
            Other(u32),
        }

        impl NotificationType {
            /// All types that are known here.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The number that HNS gives.
            #[must_use]
            pub const fn value(self) -> u32 {
                match self {
                    $(Self::$name => $value,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl From<u32> for NotificationType {
            fn from(value: u32) -> Self {
                match value {
                    $($value => Self::$name,)*
                    _ => Self::Other(value),
                }
            }
        }

        impl fmt::Display for NotificationType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str(stringify!($name)),)*
                    Self::Other(value) => write!(f, "0x{value:08X}"),
                }
            }
        }
    };
}

notifications! {
    /// Nothing; HNS does not send it.
    Invalid = 0;
    /// A network is about to be made.
    NetworkPreCreate = 1;
    /// A network was made.
    NetworkCreate = 2;
    /// A network is about to be deleted.
    NetworkPreDelete = 3;
    /// A network was deleted.
    NetworkDelete = 4;
    /// A namespace was made.
    NamespaceCreate = 5;
    /// A namespace was deleted.
    NamespaceDelete = 6;
    /// The networking service of a guest was made.
    GuestNetworkServiceCreate = 7;
    /// The networking service of a guest was deleted.
    GuestNetworkServiceDelete = 8;
    /// An endpoint got a port on a network.
    NetworkEndpointAttached = 9;
    /// An endpoint lost its port on a network.
    NetworkEndpointDetached = 0x10;
    /// The networking service of a guest is in another state.
    GuestNetworkServiceStateChanged = 0x11;
    /// An interface of a guest's networking service is in another state.
    GuestNetworkServiceInterfaceStateChanged = 0x12;
    /// HNS went away, and the registration with it: everything must be read anew when it is back.
    ServiceDisconnect = 0x0100_0000;
}

impl NotificationType {
    /// The bits of the number that are for flags. No flag is published.
    pub const FLAGS_RESERVED: u32 = 0xF000_0000;
}

/// What a callback is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub notification_type: NotificationType,
    /// The HRESULT of what happened.
    pub status: u32,
    /// What HNS says about it, exactly as it gave it. Often a [`NotificationData`].
    pub data: String,
}

impl Notification {
    /// The arguments of the callback. The text must be a copy: HNS takes its own back when the callback returns.
    #[must_use]
    pub fn new(notification_type: u32, status: u32, data: String) -> Self {
        Self { notification_type: notification_type.into(), status, data }
    }

    /// The data, if it can be read.
    #[must_use]
    pub fn read(&self) -> Option<NotificationData> {
        serde_json::from_str(&self.data).ok()
    }

    /// Whether what HNS holds may be another now, so that a client reads it again.
    #[must_use]
    pub fn invalidates_everything(&self) -> bool {
        self.notification_type == NotificationType::ServiceDisconnect
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.notification_type)?;
        if let Some(id) = self.read().and_then(|data| data.id) {
            write!(f, " of {id}")?;
        }
        if self.status != hresult::S_OK {
            let name = hresult::name(self.status).unwrap_or("unknown HRESULT");
            write!(f, ": {name} (0x{:08X})", self.status)?;
        }
        Ok(())
    }
}

/// What HNS says about something that happened (`NotificationBase`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NotificationData {
    /// The object that it happened to.
    #[serde(
        rename = "ID",
        deserialize_with = "lenient::id",
        skip_serializing_if = "Option::is_none"
    )]
    pub id: Option<Guid>,
    /// Flags. None is published.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "is_default")]
    pub flags: u32,
    /// What the type explains, since schema 2.2.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Other members.
    #[serde(flatten)]
    pub unknown: UnknownMembers,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn types_have_numbers_and_names() {
        fn check(value: u32, expect: NotificationType, name: &str) {
            let notification_type = NotificationType::from(value);
            assert_eq!(notification_type, expect);
            assert_eq!(notification_type.value(), value);
            assert_eq!(notification_type.to_string(), name);
        }
        check(2, NotificationType::NetworkCreate, "NetworkCreate");
        check(9, NotificationType::NetworkEndpointAttached, "NetworkEndpointAttached");
        check(16, NotificationType::NetworkEndpointDetached, "NetworkEndpointDetached");
        check(0x0100_0000, NotificationType::ServiceDisconnect, "ServiceDisconnect");
        check(10, NotificationType::Other(10), "0x0000000A");
        let values: BTreeSet<u32> =
            NotificationType::ALL.iter().map(|known| known.value()).collect();
        assert_eq!(values.len(), 14);
        assert!(NotificationType::ALL.iter().all(|known| *known == known.value().into()));
        assert!(values.iter().all(|value| value & NotificationType::FLAGS_RESERVED == 0));
    }

    #[test]
    fn data_is_read() {
        fn check(data: &str, expect: Option<Value>) {
            let data = Notification::new(2, hresult::S_OK, data.to_owned()).read();
            assert_eq!(data.map(|data| serde_json::to_value(data).unwrap()), expect);
        }
        check(
            r#"{"ID":"{3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50}","Flags":"1","Data":{"a":1},"New":[]}"#,
            Some(json!({ "ID": "3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50", "Flags": 1,
                "Data": { "a": 1 }, "New": [] })),
        );
        check("{}", Some(json!({})));
        check("", None);
        check("{", None);
    }

    #[test]
    fn notifications_say_what_happened_to_what() {
        fn check(notification_type: u32, status: u32, data: &str, expect: &str) {
            let notification = Notification::new(notification_type, status, data.to_owned());
            assert_eq!(notification.to_string(), expect);
        }
        check(
            4,
            hresult::S_OK,
            r#"{"ID":"3C5E7D10-4A2B-4F0E-8D31-6B1C2D3E4F50"}"#,
            "NetworkDelete of 3c5e7d10-4a2b-4f0e-8d31-6b1c2d3e4f50",
        );
        check(
            2,
            hresult::HCN_E_NETWORK_ALREADY_EXISTS,
            "",
            "NetworkCreate: HCN_E_NETWORK_ALREADY_EXISTS (0x803B0010)",
        );
        check(0x0100_0000, hresult::S_OK, "", "ServiceDisconnect");
        let gone = Notification::new(0x0100_0000, hresult::S_OK, String::new());
        assert!(gone.invalidates_everything());
    }
}
