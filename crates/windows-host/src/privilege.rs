//! Whether a process may change HNS. HNS lets in administrators, the system and Hyper-V administrators; a process is judged by its
//! token, as the kubelet does since k/k#108146, and not by one group alone: LocalSystem is an administrator who is in no group
//! that says so in some of the ways in which it is started (k/k#108140), and an administrator who is not elevated is in the
//! group, but for refusals only.

use std::collections::BTreeSet;

/// The account that services and most `HostProcess` pods run as.
const LOCAL_SYSTEM: &str = "S-1-5-18";
const ADMINISTRATORS: &str = "S-1-5-32-544";
const HYPER_V_ADMINISTRATORS: &str = "S-1-5-32-578";

/// What the token of a process says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Who it is, as `S-1-…`.
    pub user: String,
    /// Whether it is elevated.
    pub is_elevated: bool,
    /// The groups that count for access, not those that only refuse it.
    pub enabled_groups: BTreeSet<String>,
}

/// By which of its properties a process may change HNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// It is the system itself.
    LocalSystem,
    /// Its token is elevated.
    Elevated,
    /// It is an administrator where nothing has to be elevated, as with User Account Control switched off.
    Administrator,
    /// It may administrate Hyper-V, and with it HNS.
    HyperVAdministrator,
}

impl Token {
    /// Why it may change HNS; `None` where it may not.
    #[must_use]
    pub fn grant(&self) -> Option<Grant> {
        let is_in = |group: &str| self.enabled_groups.contains(group);
        if self.user == LOCAL_SYSTEM {
            Some(Grant::LocalSystem)
        } else if self.is_elevated {
            Some(Grant::Elevated)
        } else if is_in(ADMINISTRATORS) {
            Some(Grant::Administrator)
        } else if is_in(HYPER_V_ADMINISTRATORS) {
            Some(Grant::HyperVAdministrator)
        } else {
            None
        }
    }
}

impl Grant {
    /// What it is, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LocalSystem => "it runs as the system",
            Self::Elevated => "its token is elevated",
            Self::Administrator => "it is in the group Administrators",
            Self::HyperVAdministrator => "it is in the group Hyper-V Administrators",
        }
    }
}

/// What is said to a process without a [`Grant`].
#[must_use]
pub fn refusal(user: &str) -> String {
    format!(
        "this process may not change HNS: it runs as {user}, which is not the system, its token is not elevated, and it is in neither \
         of the groups Administrators and Hyper-V Administrators. Start it in a console that was opened with \"Run as \
         administrator\", as a service (`switchyard service install`), or in a HostProcess pod with runAsUserName \
         \"NT AUTHORITY\\SYSTEM\""
    )
}

/// Whether what belongs to `owner` can be trusted by a process that runs as `user`: nobody with fewer rights has made it.
#[must_use]
pub fn trusts(user: &str, owner: &str) -> bool {
    /// The account of Windows' own installer, which owns what Windows came with.
    const TRUSTED_INSTALLER: &str =
        "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    [user, LOCAL_SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER].contains(&owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY: &str = "S-1-5-21-1-2-3-1001";

    fn token(user: &str, is_elevated: bool, groups: &[&str]) -> Token {
        let enabled_groups = groups.iter().map(|&group| group.to_owned()).collect();
        Token { user: user.to_owned(), is_elevated, enabled_groups }
    }

    #[test]
    fn a_token_is_judged_by_all_that_it_says() {
        let check = |user, is_elevated, groups: &[&str], grant| {
            assert_eq!(token(user, is_elevated, groups).grant(), grant, "{user} {groups:?}");
        };
        check(LOCAL_SYSTEM, false, &[], Some(Grant::LocalSystem));
        check(LOCAL_SYSTEM, true, &[ADMINISTRATORS], Some(Grant::LocalSystem));
        check(SOMEBODY, true, &[ADMINISTRATORS], Some(Grant::Elevated));
        check(SOMEBODY, true, &[], Some(Grant::Elevated));
        check(SOMEBODY, false, &[ADMINISTRATORS], Some(Grant::Administrator));
        check(SOMEBODY, false, &[HYPER_V_ADMINISTRATORS], Some(Grant::HyperVAdministrator));
        check(SOMEBODY, false, &["S-1-5-32-545"], None);
        // LOCAL SERVICE and NETWORK SERVICE, as HostProcess pods may run.
        check("S-1-5-19", false, &[], None);
        check("S-1-5-20", false, &[], None);
    }

    #[test]
    fn who_is_refused_is_told_every_way_in() {
        let said = refusal(SOMEBODY);
        let ways = ["Run as administrator", "switchyard service install", r"NT AUTHORITY\SYSTEM"];
        assert!(said.contains(SOMEBODY) && ways.iter().all(|way| said.contains(way)), "{said}");
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_trusted() {
        assert!(trusts(SOMEBODY, SOMEBODY));
        assert!(trusts(SOMEBODY, ADMINISTRATORS) && trusts(SOMEBODY, LOCAL_SYSTEM));
        assert!(!trusts(SOMEBODY, "S-1-5-21-1-2-3-1002"));
        assert!(!trusts(LOCAL_SYSTEM, SOMEBODY));
    }
}
