//! Sets that mostly have a handful of members, held in little more room than those take.

use std::collections::BTreeSet;

/// How many members a slice has at most: it is copied for each change.
const MOST: usize = 64;

/// An ordered set. One member lies in it, a few lie in a slice that is no longer than they are, and many in a tree: a tree of a
/// few takes several times their room, and a slice of many takes long to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Few<T> {
    /// One member.
    One(T),
    /// None, or from two to [`MOST`], sorted.
    Slice(Box<[T]>),
    /// More than [`MOST`].
    #[expect(clippy::box_collection, reason = "rare, and so no larger than the others")]
    Tree(Box<BTreeSet<T>>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Slice(Box::default())
    }
}

impl<T: Ord + Copy> Few<T> {
    /// Puts `member` in.
    pub(crate) fn insert(&mut self, member: T) {
        match self {
            Self::Tree(tree) => drop(tree.insert(member)),
            Self::One(_) | Self::Slice(_) => {
                let sorted = self.slice();
                if let Err(place) = sorted.binary_search(&member) {
                    let (before, after) = sorted.split_at(place);
                    let all = before.iter().chain([&member]).chain(after).copied();
                    *self = Self::of(all, sorted.len() + 1);
                }
            }
        }
    }

    /// Takes `member` out.
    pub(crate) fn remove(&mut self, member: &T) {
        match self {
            Self::Tree(tree) => {
                tree.remove(member);
                if tree.len() <= MOST {
                    *self = Self::of(tree.iter().copied(), tree.len());
                }
            }
            Self::One(_) | Self::Slice(_) => {
                let sorted = self.slice();
                if sorted.binary_search(member).is_ok() {
                    let others = sorted.iter().filter(|other| *other != member).copied();
                    *self = Self::of(others, sorted.len() - 1);
                }
            }
        }
    }

    /// The set of `count` members, which come sorted and each once.
    fn of(mut members: impl Iterator<Item = T>, count: usize) -> Self {
        match count {
            1 if let Some(only) = members.next() => Self::One(only),
            0..=MOST => {
                let mut sorted = Vec::with_capacity(count);
                sorted.extend(members);
                Self::Slice(sorted.into())
            }
            _ => Self::Tree(Box::new(members.collect())),
        }
    }

    /// The members, where they do not lie in a tree.
    fn slice(&self) -> &[T] {
        match self {
            Self::One(member) => std::slice::from_ref(member),
            Self::Slice(members) => members,
            Self::Tree(_) => &[],
        }
    }

    /// The members, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let tree = match self {
            Self::Tree(tree) => Some(&**tree),
            Self::One(_) | Self::Slice(_) => None,
        };
        self.slice().iter().chain(tree.into_iter().flatten())
    }

    /// The lowest.
    pub(crate) fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_set_in_every_form() {
        let (mut few, mut set) = (Few::default(), BTreeSet::new());
        let mut check = |member: u32, present: bool| {
            if present {
                few.insert(member);
                set.insert(member);
            } else {
                few.remove(&member);
                set.remove(&member);
            }
            assert!(few.iter().eq(&set), "{few:?}, not {set:?}");
            assert_eq!((few.first(), few.is_empty()), (set.first(), set.is_empty()));
            assert_eq!(few, Few::of(set.iter().copied(), set.len()), "one set has one form");
            assert_eq!(matches!(few, Few::Tree(_)), set.len() > MOST);
        };
        // 7 is prime to 100: every member comes once, in no order.
        let members = || (0..100).map(|step| step * 7 % 100);
        for present in [true, false, true] {
            for member in members() {
                check(member, present);
                check(member, present);
            }
        }
        for member in members() {
            check(member, false);
            check(member, true);
            check(99 - member, false);
        }
    }

    #[test]
    fn it_is_hardly_larger_than_its_members() {
        assert_eq!(size_of::<Few<[u8; 16]>>(), 24);
        assert_eq!(size_of::<Few<[u16; 12]>>(), 32);
    }
}
