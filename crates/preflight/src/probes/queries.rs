//! What queries list, and in which form.

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid, Query, Version};

use crate::answer::{Answer, Failure, Outcome, Unanswered, said, word_of};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};

/// How often a list is read to see whether its order stays.
const READINGS: usize = 5;

pub(super) const READING: &[Probe] = &[
    Probe {
        id: "enumeration-order",
        question: "Is a list in an order?",
        needs: Needs::Nothing,
        ask: enumeration_order,
    },
    Probe {
        id: "id-case",
        question: "In which case are ids answered?",
        needs: Needs::Nothing,
        ask: id_case,
    },
    Probe {
        id: "filter-name",
        question: "Does a filter by name find the network?",
        needs: Needs::Nothing,
        ask: |bench| by_filter(bench, |_, name| json!({ "Name": name })),
    },
    Probe {
        id: "filter-name-case",
        question: "Does a filter by name regard case?",
        needs: Needs::Nothing,
        ask: |bench| by_filter(bench, |_, name| json!({ "Name": other_case(name) })),
    },
    Probe {
        id: "filter-id-case",
        question: "Does a filter by id regard case?",
        needs: Needs::Nothing,
        ask: |bench| by_filter(bench, |id, _| json!({ "ID": other_case(&id.to_string()) })),
    },
    Probe {
        id: "filter-unknown-key",
        question: "What does HNS do with an unknown key in a filter?",
        needs: Needs::Nothing,
        ask: |bench| by_filter(bench, |_, _| json!({ "SwitchyardPreflight": "x" })),
    },
    Probe {
        id: "query-heeds-filter",
        question: "Does a query for the properties of an object heed the filter?",
        needs: Needs::Nothing,
        ask: query_heeds_filter,
    },
    Probe {
        id: "malformed-query",
        question: "What does HNS say to a query that is no JSON?",
        needs: Needs::Nothing,
        ask: malformed_query,
    },
];

fn enumeration_order(bench: &Bench<'_>) -> Outcome {
    // With too few objects to tell, some are made where that may be.
    let mut kind = fullest(bench)?;
    if kind.is_none() && bench.may_make {
        bench.endpoints::<3>()?;
        kind = fullest(bench)?;
    }
    let Some(kind) = kind else {
        return Err(Unanswered::because("HNS holds too few objects of any kind to tell an order"));
    };
    let mut readings: Vec<Vec<String>> = Vec::new();
    for _ in 0..READINGS {
        readings.push(bench.list_text(kind, &Query::all().to_json())?);
    }
    let first = &readings[0];
    let sorted = |list: &Vec<String>| {
        let mut list: Vec<_> = list.iter().map(|id| id.to_ascii_lowercase()).collect();
        list.sort_unstable();
        list
    };
    if readings.iter().any(|list| sorted(list) != sorted(first)) {
        return Err(Unanswered::because("the objects changed while they were listed"));
    }
    let is_by_id =
        sorted(first) == first.iter().map(|id| id.to_ascii_lowercase()).collect::<Vec<_>>();
    let word = match readings.iter().all(|list| list == first) {
        true if is_by_id => "by id",
        true => "the same each time",
        false => "another each time",
    };
    Ok(Answer::new(word).with(format!("{READINGS} lists of {} {kind}s", first.len())))
}

/// The kind that HNS holds the most objects of, if there are more than two.
fn fullest(bench: &Bench<'_>) -> Result<Option<Kind>, Unanswered> {
    let mut found = (2, None);
    for kind in Kind::MADE {
        let count = bench.list(kind)?.len();
        if count > found.0 {
            found = (count, Some(kind));
        }
    }
    Ok(found.1)
}

fn id_case(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let mut texts = Vec::new();
    for kind in Kind::MADE {
        let ids = bench.list_text(kind, &Query::all().to_json())?;
        if let Some(id) = ids.first().and_then(|id| id.parse::<Guid>().ok()) {
            let document = bench.read(kind, id)?;
            let own = document.get("ID").and_then(Value::as_str).map(str::to_owned);
            texts.push(("document", own.unwrap_or_default()));
        }
        texts.extend(ids.into_iter().map(|id| ("list", id)));
    }
    let letters: String =
        texts.iter().flat_map(|(_, id)| id.chars()).filter(char::is_ascii_alphabetic).collect();
    let is_upper = letters.contains(|letter: char| letter.is_ascii_uppercase());
    let is_lower = letters.contains(|letter: char| letter.is_ascii_lowercase());
    let word = match (is_upper, is_lower) {
        (true, false) => "upper",
        (false, true) => "lower",
        (true, true) => "both",
        (false, false) => return made_id_case(bench),
    };
    let sample =
        texts.iter().find(|(_, id)| id.contains(|letter: char| letter.is_ascii_alphabetic()));
    let sample = sample.map(|(place, id)| format!("in a {place}: {id}"));
    Ok(Answer::new(word).with_all(sample))
}

/// The ids of what HNS holds have no letters: one of ours has.
fn made_id_case(bench: &Bench<'_>) -> Outcome {
    if !bench.may_make {
        return Err(Unanswered::because("no id of what HNS holds has a letter"));
    }
    let id = bench.endpoint(&bench.endpoint_document())?;
    let document = bench.read(Kind::Endpoint, id)?;
    let text = document.get("ID").and_then(Value::as_str).unwrap_or_default().to_owned();
    let word = if text == text.to_ascii_lowercase() { "lower" } else { "upper" };
    Ok(Answer::new(word).with(format!("in a document: {text}")))
}

/// The letters of the other case.
fn other_case(text: &str) -> String {
    let other = |letter: char| match letter.is_ascii_lowercase() {
        true => letter.to_ascii_uppercase(),
        false => letter.to_ascii_lowercase(),
    };
    text.chars().map(other).collect()
}

/// A query with a filter, which travels as text.
fn query_with(filter: &Value) -> String {
    json!({ "SchemaVersion": Version::SCHEMA, "Flags": 0, "Filter": filter.to_string() })
        .to_string()
}

/// What a filter lists of the networks, beside the one that is asked about.
fn by_filter(bench: &Bench<'_>, filter: impl Fn(Guid, &str) -> Value) -> Outcome {
    let (id, network) = bench.network()?;
    let query = query_with(&filter(id, &network.name));
    let all = bench.list(Kind::Network)?.len();
    let listed = match said(bench.list_text(Kind::Network, &query))? {
        Ok(listed) => listed,
        Err(error) => return Ok(refused(&error)),
    };
    let has_network = listed.iter().any(|text| text.parse() == Ok(id));
    let word = match (listed.len(), has_network) {
        (0, _) => "nothing is listed",
        (1, true) => "it is listed",
        (count, true) if count == all => "all are listed",
        (_, true) => "it is listed with others",
        (_, false) => "others are listed",
    };
    Ok(Answer::new(word).with(format!("{} of {all} networks to {query}", listed.len())))
}

fn refused(error: &Error) -> Answer {
    Answer::new(word_of(error)).with(error.to_string())
}

fn query_heeds_filter(bench: &Bench<'_>) -> Outcome {
    let (id, _) = bench.network()?;
    let query = query_with(&json!({ "Name": "switchyard-preflight-nobody" }));
    let shown = match said(bench.read_text(Kind::Network, id, &query).map_err(Failure::from))? {
        Ok(text) => text,
        Err(error) => return Ok(refused(&error)),
    };
    let is_shown =
        crate::bench::parse(&shown).and_then(|shown| crate::bench::id_of(&shown)) == Ok(id);
    Ok(Answer::new(if is_shown { "no" } else { "yes" }).with(format!("answered: {shown}")))
}

fn malformed_query(bench: &Bench<'_>) -> Outcome {
    match said(bench.list_text(Kind::Network, "{"))? {
        Ok(listed) => Ok(Answer::new("it lists").with(format!("{} networks", listed.len()))),
        Err(error) => Ok(refused(&error)),
    }
}
