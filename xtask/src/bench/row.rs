//! One figure of the bench, and whether it keeps its budget.

use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// The budget it belongs to.
    id: &'static str,
    /// The figure, rounded to thousandths.
    figure: f64,
    /// What is counted.
    unit: String,
    /// The most it may be; for what is only quoted, the most it should be; for what is replayed, what was published.
    budget: Option<f64>,
    /// What comes of it.
    verdict: Verdict,
}

/// Whether a figure keeps its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Pass,
    Fail,
    /// It says something about this machine, too: no gate.
    Quoted,
}

impl Row {
    /// A figure that must not be over its budget.
    pub(super) fn gated(id: &'static str, unit: &str, figure: f64, budget: f64) -> Self {
        let unit = unit.to_owned();
        let figure = round(figure);
        // What is not a number keeps no budget.
        let verdict = if figure <= budget { Verdict::Pass } else { Verdict::Fail };
        Self { id, figure, unit, budget: Some(budget), verdict }
    }

    /// A figure that must be a published one, within 5 %.
    pub(super) fn replayed(
        id: &'static str,
        unit: impl Into<String>,
        figure: f64,
        published: f64,
    ) -> Self {
        const TOLERANCE: f64 = 0.05;
        let is_near = (figure - published).abs() <= published * TOLERANCE;
        let verdict = if is_near { Verdict::Pass } else { Verdict::Fail };
        Self { id, figure: round(figure), unit: unit.into(), budget: Some(published), verdict }
    }

    /// A figure that is only said.
    pub(super) fn quoted(id: &'static str, unit: &str, figure: f64, budget: Option<f64>) -> Self {
        let unit = unit.to_owned();
        Self { id, figure: round(figure), unit, budget, verdict: Verdict::Quoted }
    }

    /// Whether it is over its budget.
    pub(super) fn fails(&self) -> bool {
        self.verdict == Verdict::Fail
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let Self { id, figure, unit, budget, verdict } = self;
        let budget = budget.map_or_else(String::new, |budget| format!(", budget {budget}"));
        let verdict = format!("{verdict:?}").to_lowercase();
        format!("{id:<16} {verdict:<6} {figure} {unit}{budget}")
    }
}

fn round(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

/// A count as a figure.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are far below 2^52, and ratios need no more"
)]
pub(super) fn figure(count: u64) -> f64 {
    count as f64
}

/// How `points` grow: the exponent `e` of the curve `size^e` that fits them best.
pub(super) fn exponent(points: &[(u64, u64)]) -> f64 {
    let logs = || points.iter().map(|(size, cost)| (figure(*size).ln(), figure(*cost).ln()));
    let count = figure(points.len().try_into().unwrap_or(u64::MAX));
    let mean_size = logs().map(|(size, _)| size).sum::<f64>() / count;
    let mean_cost = logs().map(|(_, cost)| cost).sum::<f64>() / count;
    let both: f64 = logs().map(|(size, cost)| (size - mean_size) * (cost - mean_cost)).sum();
    let own: f64 = logs().map(|(size, _)| (size - mean_size).powi(2)).sum();
    both / own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_over_its_budget_fails() {
        assert!(!Row::gated("heap", "bytes", 1_000.0, 1_000.0).fails());
        assert!(Row::gated("heap", "bytes", 1_000.1, 1_000.0).fails());
        assert!(Row::gated("heap", "bytes", f64::NAN, 1_000.0).fails());
        assert!(!Row::replayed("replay", "minutes", 9.6, 10.0).fails());
        assert!(!Row::replayed("replay", "minutes", 10.5, 10.0).fails());
        assert!(Row::replayed("replay", "minutes", 9.4, 10.0).fails());
        assert!(Row::replayed("replay", "minutes", f64::NAN, 10.0).fails());
        assert!(!Row::quoted("heap", "bytes", 2_000.0, Some(1_000.0)).fails());
        let json = serde_json::to_string(&Row::gated("heap", "bytes", 2.0, 1.0)).unwrap();
        assert_eq!(
            json,
            r#"{"id":"heap","figure":2.0,"unit":"bytes","budget":1.0,"verdict":"fail"}"#
        );
    }

    #[test]
    fn growth_is_an_exponent() {
        let check = |points: &[(u64, u64)], expected: f64| {
            assert!((exponent(points) - expected).abs() < 0.001, "{points:?}");
        };
        check(&[(10, 70), (100, 700), (1_000, 7_000)], 1.0);
        check(&[(10, 100), (100, 10_000)], 2.0);
        check(&[(10, 5), (1_000, 5)], 0.0);
    }
}
