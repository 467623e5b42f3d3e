//! Reading the Prometheus text format, as far as the tests need it.

/// Samples in the order they were given.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    /// As written, between the braces.
    labels: String,
    value: f64,
}

impl Metrics {
    /// Lines that are no samples are left out.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    /// The sum over all samples of that name whose labels contain every one of `labels`
    /// (written `key="value"`); `None` when there is no such sample.
    pub fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let mut found = None;
        for sample in &self.0 {
            if sample.name == name && labels.iter().all(|label| sample.labels.contains(label)) {
                *found.get_or_insert(0.0) += sample.value;
            }
        }
        found
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|sample| sample.name.as_str())
    }
}

fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (head, value) = match line.rsplit_once("} ") {
        Some((head, value)) => (head, value),
        None => line.split_once(' ')?,
    };
    let (name, labels) = head.split_once('{').unwrap_or((head, ""));
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.trim().to_owned(), labels: labels.to_owned(), value })
}
