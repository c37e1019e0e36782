//! TOML for `src/base/toml.c`: a document as flat arrays, with the place of every key and value
//! (`include/toml/bulkhead_toml.h` says what each field means).
//!
//! The parser bounds nesting: 80 open brackets, and 80 parts a key. A document at both bounds takes less than
//! 512 KiB of stack (measured), so the document here needs no bound of its own; walking it uses no recursion.

use std::ffi::c_char;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use toml_edit::{Document, Item, Key, Table, TableLike, Value};

const MAX_BYTES: usize = 1 << 20;

const TABLE: u32 = 0;
const ARRAY: u32 = 1;
const STRING: u32 = 2;
const INTEGER: u32 = 3;
const FLOAT: u32 = 4;
const BOOL: u32 = 5;
const DATETIME: u32 = 6;

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct bhx_toml_span {
    offset: u32,
    length: u32,
    line: u32,
    column: u32,
}

#[repr(C)]
#[derive(Default)]
pub struct bhx_toml_node {
    kind: u32,
    parent: u32,
    first_child: u32,
    child_count: u32,
    key: u32,
    key_length: u32,
    string: u32,
    string_length: u32,
    integer: i64,
    real: f64,
    key_span: bhx_toml_span,
    span: bhx_toml_span,
}

#[repr(C)]
pub struct bhx_toml {
    nodes: *const bhx_toml_node,
    count: usize,
    text: *const u8,
    text_length: usize,
}

#[repr(C)]
pub struct bhx_toml_error {
    message: [c_char; 256],
    span: bhx_toml_span,
}

/// What C holds, with the owners of what it points to behind it.
#[repr(C)]
struct Owned {
    view: bhx_toml,
    _nodes: Vec<bhx_toml_node>,
    _text: Vec<u8>,
}

struct Failure {
    message: String,
    span: Option<Range<usize>>,
}

/// Byte offsets to lines and columns.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &[u8]) -> Self {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Lines(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    fn span(&self, range: Range<usize>) -> bhx_toml_span {
        let line = self.0.partition_point(|start| *start <= range.start) - 1;
        bhx_toml_span {
            offset: range.start as u32,
            length: range.len() as u32,
            line: line as u32 + 1,
            column: (range.start - self.0[line]) as u32 + 1,
        }
    }
}

/// What a node is made of, before its children are known.
#[derive(Clone, Copy)]
enum Source<'a> {
    Item(&'a Item),
    Table(&'a Table),
    Value(&'a Value),
}

struct Flat<'a> {
    lines: &'a Lines,
    nodes: Vec<bhx_toml_node>,
    sources: Vec<Source<'a>>,
    text: Vec<u8>,
}

impl<'a> Flat<'a> {
    fn keep(&mut self, text: &str) -> (u32, u32) {
        let at = self.text.len();
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(0);
        (at as u32, text.len() as u32)
    }

    fn span(&self, range: Option<Range<usize>>) -> bhx_toml_span {
        range.map(|range| self.lines.span(range)).unwrap_or_default()
    }

    fn add(&mut self, parent: usize, key: Option<&Key>, source: Source<'a>) {
        let (at, length) = self.keep(key.map_or("", |key| key.get()));
        let key_span = self.span(key.and_then(|key| key.span()));
        let own = match source {
            Source::Item(item) => item.span(),
            Source::Table(table) => table.span(),
            Source::Value(value) => value.span(),
        };
        let span = if own.is_some() { self.span(own) } else { key_span };
        self.nodes.push(bhx_toml_node {
            parent: parent as u32,
            key: at,
            key_length: length,
            key_span,
            span,
            ..Default::default()
        });
        self.sources.push(source);
    }

    /// The children of a table, in the order of the file.
    fn add_table(&mut self, index: usize, table: &'a dyn TableLike) {
        for (name, item) in table.iter() {
            let key = table.get_key_value(name).map(|(key, _)| key);
            self.add(index, key, Source::Item(item));
        }
    }

    fn expand_value(&mut self, index: usize, value: &'a Value) -> u32 {
        match value {
            Value::String(text) => {
                let (at, length) = self.keep(text.value());
                self.nodes[index].string = at;
                self.nodes[index].string_length = length;
                STRING
            }
            Value::Integer(number) => {
                self.nodes[index].integer = *number.value();
                INTEGER
            }
            Value::Float(number) => {
                self.nodes[index].real = *number.value();
                FLOAT
            }
            Value::Boolean(flag) => {
                self.nodes[index].integer = (*flag.value()).into();
                BOOL
            }
            Value::Datetime(_) => DATETIME,
            Value::Array(array) => {
                for value in array.iter() {
                    self.add(index, None, Source::Value(value));
                }
                ARRAY
            }
            Value::InlineTable(table) => {
                self.add_table(index, table);
                TABLE
            }
        }
    }

    /// Fill in one node and append its children: breadth first, so that they are neighbours.
    fn expand(&mut self, index: usize) {
        let first = self.nodes.len();
        let kind = match self.sources[index] {
            Source::Value(value) | Source::Item(Item::Value(value)) => self.expand_value(index, value),
            Source::Table(table) | Source::Item(Item::Table(table)) => {
                self.add_table(index, table);
                TABLE
            }
            Source::Item(Item::ArrayOfTables(tables)) => {
                for table in tables.iter() {
                    self.add(index, None, Source::Table(table));
                }
                ARRAY
            }
            Source::Item(Item::None) => TABLE,
        };
        let count = self.nodes.len() - first;
        let node = &mut self.nodes[index];
        node.kind = kind;
        node.first_child = first as u32;
        node.child_count = count as u32;
    }
}

fn parse(bytes: &[u8], lines: &Lines) -> Result<Owned, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        let length = e.error_len().unwrap_or(bytes.len() - at);
        Failure { message: "not UTF-8".into(), span: Some(at..at + length) }
    })?;
    let document = Document::parse(text).map_err(|e| Failure { message: e.message().into(), span: e.span() })?;

    let mut flat = Flat { lines, nodes: Vec::new(), sources: Vec::new(), text: Vec::new() };
    flat.add(0, None, Source::Table(document.as_table()));
    let mut index = 0;
    while index < flat.nodes.len() {
        flat.expand(index);
        index += 1;
    }
    let Flat { nodes, text, .. } = flat;
    Ok(Owned {
        view: bhx_toml { nodes: nodes.as_ptr(), count: nodes.len(), text: text.as_ptr(), text_length: text.len() },
        _nodes: nodes,
        _text: text,
    })
}

impl bhx_toml_error {
    fn set(&mut self, message: &str, span: bhx_toml_span) {
        let mut cut = message.len().min(self.message.len() - 1);
        while !message.is_char_boundary(cut) {
            cut -= 1;
        }
        self.message.fill(0);
        for (to, from) in self.message.iter_mut().zip(&message.as_bytes()[..cut]) {
            *to = if from.is_ascii_control() { b' ' } else { *from } as c_char;
        }
        self.span = span;
    }
}

/// # Safety
///
/// `text` points to `length` bytes, and `out` and `error` to what their types say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_toml_parse(
    text: *const u8,
    length: usize,
    out: *mut *const bhx_toml,
    error: *mut bhx_toml_error,
) -> bool {
    let error = unsafe { &mut *error };
    if length > MAX_BYTES {
        error.set("larger than 1 MiB", Default::default());
        return false;
    }
    let bytes = if length == 0 { &[] } else { unsafe { std::slice::from_raw_parts(text, length) } };
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let lines = Lines::new(bytes);
        parse(bytes, &lines).map_err(|failure| {
            let span = failure.span.map(|range| lines.span(range)).unwrap_or_default();
            (failure.message, span)
        })
    }));
    match parsed {
        Ok(Ok(owned)) => {
            unsafe { *out = Box::into_raw(Box::new(owned)).cast() };
            true
        }
        Ok(Err((message, span))) => {
            error.set(&message, span);
            false
        }
        Err(_) => {
            error.set("the TOML parser failed", Default::default());
            false
        }
    }
}

/// # Safety
///
/// `document` is NULL, or came from `bhx_toml_parse` and was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bhx_toml_free(document: *const bhx_toml) {
    if !document.is_null() {
        drop(unsafe { Box::from_raw(document.cast_mut().cast::<Owned>()) });
    }
}
