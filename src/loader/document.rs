//! A TOML file as a tree in which every key and value knows its place.

use std::path::{Path, PathBuf};

use serde_json::{Map, Number, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, Place};

/// A file that was read.
pub struct Document {
    /// Its top table.
    pub root: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The key.
    pub word: String,
}

/// A value of a runbook.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string, or a date.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// An array.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<(Key, Node)>),
}

struct Reader<'a> {
    file: PathBuf,
    text: &'a str,
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// That it cannot be read, or every place where it is not TOML.
    pub fn read(file: &Path) -> Result<Self, Faults> {
        let unreadable = |what: String| {
            let place = Place { file: file.to_path_buf(), line: 0, column: 0 };
            Faults::new(vec![Fault::at(&place, what)])
        };
        let text = std::fs::read_to_string(file)
            .map_err(|why| unreadable(format!("the runbook {} cannot be read: {why}", file.display())))?;
        Self::parse(file, &text)
    }

    /// Reads a text as if it stood in a file.
    ///
    /// # Errors
    /// Every place where it is not TOML.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Faults> {
        let reader = Reader { file: file.to_path_buf(), text };
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let faults = errors.iter().map(|error| {
                let place = reader.place(error.span().map_or(0, |span| span.start));
                Fault::at(&place, error.message().replace('\n', ", "))
            });
            return Err(Faults::new(faults.collect()));
        }
        let place = reader.place(0);
        let mut faults = Vec::new();
        let root = Node { place, value: reader.table(table.get_ref(), &mut faults) };
        if faults.is_empty() { Ok(Self { root }) } else { Err(Faults::new(faults)) }
    }
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: self.file.clone(), line, column }
    }

    fn table(&self, table: &DeTable<'_>, faults: &mut Vec<Fault>) -> Value {
        let entries = table.iter().map(|(key, node)| {
            let word = key.get_ref().to_string();
            (Key { place: self.place(key.span().start), word }, self.node(node, faults))
        });
        Value::Table(entries.collect())
    }

    fn node(&self, node: &Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Node {
        let place = self.place(node.span().start);
        let value = match node.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(whole) => match i64::from_str_radix(whole.as_str(), whole.radix()) {
                Ok(whole) => Value::Whole(whole),
                Err(why) => {
                    faults.push(Fault::at(&place, format!("`{whole}` is not a number that fits: {why}")));
                    Value::Whole(0)
                }
            },
            DeValue::Float(real) => Value::Real(real.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Array(list) => Value::List(list.iter().map(|node| self.node(node, faults)).collect()),
            DeValue::Table(table) => self.table(table, faults),
        };
        Node { place, value }
    }
}

impl Node {
    /// The entries of a table; none of anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The nodes of an array; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value under a key.
    pub fn get(&self, word: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.word == word).map(|(_, node)| node)
    }

    /// Takes the value under a key out.
    pub fn take(&mut self, word: &str) -> Option<Node> {
        let Value::Table(entries) = &mut self.value else { return None };
        let place = entries.iter().position(|(key, _)| key.word == word)?;
        Some(entries.remove(place).1)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Visits every text in it, with its place.
    pub fn for_each_text(&self, visit: &mut impl FnMut(&Place, &str)) {
        match &self.value {
            Value::Text(text) => visit(&self.place, text),
            Value::List(items) => items.iter().for_each(|item| item.for_each_text(visit)),
            Value::Table(entries) => entries.iter().for_each(|(_, node)| node.for_each_text(visit)),
            _ => {}
        }
    }

    /// What kind of value it is, in a reader's words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "text",
            Value::Whole(_) => "a whole number",
            Value::Real(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The same value without its places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) => Json::String(text.clone()),
            Value::Whole(whole) => Json::from(*whole),
            Value::Real(real) => Number::from_f64(*real).map_or(Json::Null, Json::Number),
            Value::Flag(flag) => Json::Bool(*flag),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Table(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.word.clone(), node.to_json()));
                Json::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}
