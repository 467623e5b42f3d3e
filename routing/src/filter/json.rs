//! JSON that is read strictly: a key that stands twice, or that nobody asked for, is a problem, and
//! every problem has a place. All problems are found, not only the first.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A step from a value to one inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From the top to the value that is meant.
    pub path: Vec<Step>,
    /// A sentence without full stop. For text that is not JSON it says line and column.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.path.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.message)
    }
}

/// Reads text; the problem has the line and column.
pub(super) fn parse(text: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let parsed = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| Problem { path: Vec::new(), message: format!("not valid: {error}") })
}

/// A [`Value`] without keys that stand twice, of which serde's own would keep the last.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("the key \"{key}\" stands twice")));
            }
            let value = entries.next_value_seed(Self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Where a value is, as a list that leads upwards.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'p> {
    Top,
    Key(&'p Place<'p>, &'p str),
    Index(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn steps(&self) -> Vec<Step> {
        match self {
            Self::Top => Vec::new(),
            Self::Key(above, key) => {
                let mut steps = above.steps();
                steps.push(Step::Key((*key).to_owned()));
                steps
            }
            Self::Index(above, index) => {
                let mut steps = above.steps();
                steps.push(Step::Index(*index));
                steps
            }
        }
    }
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub fn add(&self, place: &Place<'_>, message: impl Into<String>) {
        self.0.borrow_mut().push(Problem { path: place.steps(), message: message.into() });
    }

    pub fn into_inner(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// The kind of a value, with its article.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// An object being read; every key that is asked for counts as known.
#[derive(Debug)]
pub(super) struct Section<'s> {
    pub problems: &'s Problems,
    pub place: &'s Place<'s>,
    map: &'s Map<String, Value>,
    known: RefCell<Vec<&'static str>>,
}

impl<'s> Section<'s> {
    /// `None`, and a problem, for anything but an object.
    pub fn new(problems: &'s Problems, place: &'s Place<'s>, value: &'s Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self { problems, place, map, known: RefCell::default() }),
            other => {
                problems.add(place, format!("must be an object, not {}", kind(other)));
                None
            }
        }
    }

    pub fn get(&self, key: &'static str) -> Option<&'s Value> {
        self.known.borrow_mut().push(key);
        self.map.get(key)
    }

    pub fn entries(&self) -> &'s Map<String, Value> {
        self.map
    }

    /// A problem with the value of a key.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        self.problems.add(&Place::Key(self.place, key), message);
    }

    fn mismatch(&self, key: &str, value: &Value, wanted: &str) {
        self.problem(key, format!("must be {wanted}, not {}", kind(value)));
    }

    pub fn string(&self, key: &'static str) -> Option<&'s str> {
        let value = self.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.mismatch(key, value, "a string");
        }
        text
    }

    pub fn boolean(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.mismatch(key, value, "true or false");
        }
        flag
    }

    /// A number from `min` to `max`.
    pub fn number(&self, key: &'static str, min: f64, max: f64) -> Option<f64> {
        let value = self.get(key)?;
        let Some(number) = value.as_f64() else {
            self.mismatch(key, value, "a number");
            return None;
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.problem(key, format!("must be a number from {min} to {max}"));
        None
    }

    /// A whole number from `min` to `max`; `3.0` is one too, as protobuf's numbers are doubles.
    pub fn integer(&self, key: &'static str, min: u32, max: u32) -> Option<u32> {
        let value = self.get(key)?;
        let Some(number) = value.as_f64() else {
            self.mismatch(key, value, "a whole number");
            return None;
        };
        if number.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&number) {
            return Some(number as u32);
        }
        self.problem(key, format!("must be a whole number from {min} to {max}"));
        None
    }

    pub fn array(&self, key: &'static str) -> Option<&'s [Value]> {
        let value = self.get(key)?;
        let items = value.as_array();
        if items.is_none() {
            self.mismatch(key, value, "an array");
        }
        items.map(Vec::as_slice)
    }

    /// Strings that `check` takes; what it says of another one completes a sentence that begins
    /// with the string.
    pub fn strings(
        &self,
        key: &'static str,
        check: impl Fn(&str) -> Result<String, &'static str>,
    ) -> Vec<String> {
        let above = Place::Key(self.place, key);
        let mut all = Vec::new();
        for (index, item) in self.array(key).unwrap_or_default().iter().enumerate() {
            let place = Place::Index(&above, index);
            match item.as_str().map(|text| (text, check(text))) {
                Some((_, Ok(text))) => all.push(text),
                Some((text, Err(why))) => self.problems.add(&place, format!("\"{text}\" {why}")),
                None => self.problems.add(&place, format!("must be a string, not {}", kind(item))),
            }
        }
        all
    }

    /// Reports keys that were not asked for.
    pub fn finish(self) {
        let mut known = self.known.take();
        known.sort_unstable();
        for key in self.map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem(key, format!("unknown key; known are {}", known.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_json_has_line_and_column() {
        let problem = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(problem("{\n  \"a\": }"), "not valid: expected value at line 2 column 8");
        assert!(problem("{\"a\":1} x").contains("line 1 column 9"), "{}", problem("{\"a\":1} x"));
        let twice = problem("{\"a\":{\"b\":1,\n \"b\":2}}");
        assert_eq!(twice, "not valid: the key \"b\" stands twice at line 2 column 4");
        assert!(parse("[".repeat(10_000).as_bytes()).is_err());
    }

    #[test]
    fn problems_name_their_path() {
        let value = parse(br#"{"a":[1,"x"],"b":true,"n":2.5,"z":{}}"#).unwrap();
        let problems = Problems::default();
        let section = Section::new(&problems, &Place::Top, &value).unwrap();
        assert_eq!(section.strings("a", |text| Ok(text.to_owned())), ["x"]);
        assert_eq!(section.string("b"), None);
        assert_eq!(section.integer("n", 1, 9), None);
        section.finish();
        let all: Vec<String> = problems.into_inner().iter().map(ToString::to_string).collect();
        assert_eq!(
            all,
            [
                "a[0]: must be a string, not a number",
                "b: must be a string, not a boolean",
                "n: must be a whole number from 1 to 9",
                "z: unknown key; known are a, b, n",
            ]
        );
    }
}
