//! Members whose values are words.
//!
//! Flags and protocols travel as numbers; what says of which type something is travels as a word. HNS does not regard
//! the case of these words, and clients in PowerShell send some as numbers. A word that is not known here is kept.

/// Makes an enum of words. The first is the one of a member that is missing, `null` or empty; a number is the place of
/// the word in the published schema, and stands where clients are known to send it.
macro_rules! wire_word {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(#[$first_doc:meta])* $first:ident $(= $first_number:literal)?, $first_word:literal;
            $($(#[$word_doc:meta])* $variant:ident $(= $number:literal)?, $word:literal;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$word_doc])* $variant,)*
            /// A word that is not known here.
            Other(String),
        }

        impl $name {
            /// What a word in any case, or a number, stands for. An empty one is the default.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                if word.is_empty() {
                    return Self::default();
                }
                if word.eq_ignore_ascii_case($first_word) $(|| word == $first_number)? {
                    return Self::$first;
                }
                $(if word.eq_ignore_ascii_case($word) $(|| word == $number)? {
                    return Self::$variant;
                })*
                Self::Other(word.to_owned())
            }

            /// The word that HNS writes.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::$first => $first_word,
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::lenient::text(deserializer).map(|word| Self::from_word(&word))
            }
        }
    };
}

pub(crate) use wire_word;
