//! What becomes of each message between the editor and the server.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use lsp_types::{Diagnostic, DiagnosticSeverity, Position};
use percent_encoding::percent_decode_str;
use pfp_compiler::guard;
use serde_json::{Value, json};

use super::{
    ops::{self, Page},
    text::{Encoding, Text},
};

/// A message on its way.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// To the server.
    Forward(Value),
    /// Back to the editor.
    Answer(Value),
}

/// What is known of the two sides.
#[derive(Debug, Default)]
pub struct Filter {
    encoding: Encoding,
    documents: HashMap<String, Document>,
    /// Requests that the server has not answered, by their ids.
    pending: HashMap<String, Pending>,
}

/// A document of the editor.
#[derive(Debug, Default)]
struct Document {
    /// The last text, and those whose diagnostics the server owes.
    versions: VecDeque<Version>,
}

#[derive(Debug, Clone)]
struct Version {
    number: Value,
    text: Arc<Text>,
    /// The server has an empty text in its place.
    refused: bool,
}

/// A request of the editor.
#[derive(Debug)]
struct Pending {
    method: String,
    uri: String,
    text: Option<Arc<Text>>,
    /// Where the editor points to.
    offset: Option<usize>,
}

impl Filter {
    /// What becomes of a message of the editor.
    pub fn of_editor(&mut self, mut message: Value) -> Vec<Step> {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        match method.as_str() {
            "initialize" => {
                let offered = &message["params"]["capabilities"]["general"]["positionEncodings"];
                let offered = offered.as_array().map(Vec::as_slice).unwrap_or_default();
                if offered.iter().any(|encoding| encoding == Encoding::Utf8.name()) {
                    self.encoding = Encoding::Utf8;
                }
            }
            "textDocument/didOpen" => return self.changed(message, "/params/textDocument/text"),
            "textDocument/didChange" => {
                // Each is a whole text, which is what the server asks for.
                let changes = message.pointer_mut("/params/contentChanges");
                if let Some(changes) = changes.and_then(Value::as_array_mut) {
                    changes.drain(..changes.len().saturating_sub(1));
                }
                return self.changed(message, "/params/contentChanges/0/text");
            }
            "textDocument/didClose" => {
                if let Some(uri) = uri_of(&message) {
                    self.documents.remove(&key(&uri));
                }
            }
            _ => {}
        }
        let uri = uri_of(&message);
        let version = uri.as_ref().and_then(|uri| self.documents.get(&key(uri))?.versions.back());
        if let Some(id) = message.get("id").filter(|_| !method.is_empty()) {
            if version.is_some_and(|version| version.refused) {
                // There is nothing to say of a text that is not parsed.
                let nothing = json!({ "jsonrpc": "2.0", "id": id, "result": null });
                return vec![Step::Answer(nothing)];
            }
            let text = version.map(|version| Arc::clone(&version.text));
            let position = serde_json::from_value(message["params"]["position"].clone()).ok();
            let offset = text.as_ref().zip(position);
            let offset = offset.and_then(|(text, place)| text.offset(place, self.encoding));
            let uri = uri.clone().unwrap_or_default();
            self.pending.insert(id.to_string(), Pending { method, uri, text, offset });
        }
        let encoding = self.encoding;
        self.translate(&mut message, uri.as_deref(), None, &|text, position| {
            text.to_server(position, encoding)
        });
        vec![Step::Forward(message)]
    }

    /// A document has the text that is at this pointer of a message.
    fn changed(&mut self, mut message: Value, pointer: &str) -> Vec<Step> {
        let uri = uri_of(&message).unwrap_or_default();
        let number = message["params"]["textDocument"]["version"].clone();
        let place = message.pointer_mut(pointer);
        let Some((place, text)) = place.and_then(|place| {
            let text = Text::new(place.as_str()?);
            Some((place, Arc::new(text)))
        }) else {
            return vec![Step::Forward(message)];
        };
        let refusal = guard::check(text.as_str().as_bytes()).err();
        *place = if refusal.is_some() { "".into() } else { text.as_str().into() };
        let version = Version { number, text, refused: refusal.is_some() };
        let diagnostics = refusal.map(|refusal| self.diagnostic(&version.text, &refusal));
        let mut steps = vec![Step::Forward(message)];
        steps.extend(diagnostics.map(|diagnostic| {
            Step::Answer(json!({
                "jsonrpc": "2.0",
                "method": "textDocument/publishDiagnostics",
                "params": { "uri": uri, "version": version.number, "diagnostics": [diagnostic] },
            }))
        }));
        self.documents.entry(key(&uri)).or_default().versions.push_back(version);
        steps
    }

    fn diagnostic(&self, text: &Text, refusal: &guard::Refusal) -> Diagnostic {
        let place = |offset| text.position(offset, self.encoding);
        Diagnostic {
            range: lsp_types::Range::new(place(refusal.offset), place(refusal.offset + 1)),
            severity: Some(DiagnosticSeverity::ERROR),
            source: Some("gauss".into()),
            message: format!("{}; {}", refusal.message, refusal.help),
            ..Diagnostic::default()
        }
    }

    /// What becomes of a message of the server; nothing where the editor must not see it.
    pub fn of_server(&mut self, mut message: Value) -> Option<Value> {
        if message["method"] == "textDocument/publishDiagnostics" {
            return self.published(message);
        }
        let answered = message.get("id").filter(|_| message.get("method").is_none());
        let request = answered.and_then(|id| self.pending.remove(&id.to_string()));
        let Some(request) = request else { return Some(message) };
        let (uri, text) = (Some(request.uri.as_str()), request.text.as_deref());
        self.translate(&mut message, uri, text, &self.to_editor());
        let result = message.get_mut("result");
        match (request.method.as_str(), result) {
            ("initialize", Some(result)) => {
                if let Some(Value::Object(capabilities)) = result.get_mut("capabilities") {
                    capabilities.insert("positionEncoding".into(), self.encoding.name().into());
                }
            }
            ("textDocument/hover", Some(result)) => self.document(&request, result),
            ("textDocument/completion", Some(result)) => self.complete(&request, result),
            _ => {}
        }
        Some(message)
    }

    /// Diagnostics are of the version that they name. The server is done with those before.
    fn published(&mut self, mut message: Value) -> Option<Value> {
        let params = &message["params"];
        let uri = params["uri"].as_str().unwrap_or_default().to_owned();
        let number = &params["version"];
        let same = |version: &Version| number.is_null() || version.number == *number;
        let version = self.documents.get_mut(&key(&uri)).and_then(|Document { versions }| {
            let index = versions.iter().position(same)?;
            versions.drain(..index);
            versions.front().cloned()
        });
        if version.as_ref().is_some_and(|version| version.refused) {
            return None;
        }
        let text = version.map(|version| version.text);
        self.translate(&mut message, Some(&uri), text.as_deref(), &self.to_editor());
        Some(message)
    }

    fn to_editor(&self) -> impl Fn(&Text, Position) -> Position + use<> {
        let encoding = self.encoding;
        move |text, position| text.to_editor(position, encoding)
    }

    /// Adds the page of the op that the editor points to.
    fn document(&self, request: &Pending, hover: &mut Value) {
        let Some((text, offset)) = request.text.as_ref().zip(request.offset) else { return };
        let word = text.word(offset);
        let Some(page) = Page::of(&text.as_str()[word.clone()]) else { return };
        let mut contents = page.markdown();
        if let Some(known) = hover["contents"]["value"].as_str() {
            contents.value += &format!("\n---\n\n{known}");
        }
        if hover.is_null() {
            let place = |offset| text.position(offset, self.encoding);
            *hover = json!({ "range": { "start": place(word.start), "end": place(word.end) } });
        }
        hover["contents"] = json!(contents);
    }

    /// Adds ops and attributes to what the server offers.
    fn complete(&self, request: &Pending, offered: &mut Value) {
        let Some((text, offset)) = request.text.as_ref().zip(request.offset) else { return };
        let ours = ops::completions(text, offset, self.encoding);
        let ours = ours.iter().map(|item| json!(item));
        if offered.is_null() {
            *offered = json!([]);
        }
        let items = if offered.is_array() { offered } else { &mut offered["items"] };
        if let Some(items) = items.as_array_mut() {
            // The server names the ops too, behind `gauss.` without their dialect, and knows less.
            items.retain(|item| !item["label"].as_str().is_some_and(ops::is_op));
            items.extend(ours);
        }
    }

    /// Translates every position in a message. It is in `text`, or the last one of the document
    /// `uri`, unless an object around it names another document.
    fn translate(
        &self,
        value: &mut Value,
        uri: Option<&str>,
        text: Option<&Text>,
        to: &dyn Fn(&Text, Position) -> Position,
    ) {
        match value {
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.translate(value, uri, text, to));
            }
            Value::Object(fields) => {
                let named = fields.get("uri").and_then(Value::as_str).map(str::to_owned);
                let named = named.filter(|named| uri.is_none_or(|uri| key(uri) != key(named)));
                let (uri, text) = match &named {
                    Some(named) => (Some(named.as_str()), None),
                    None => (uri, text),
                };
                let position = match (fields.get("line"), fields.get("character")) {
                    (Some(line), Some(character)) => number(line).zip(number(character)),
                    _ => None,
                };
                if let Some((line, character)) = position {
                    let position = Position::new(line, character);
                    let last = || self.documents.get(&key(uri?))?.versions.back();
                    let translated = match text {
                        Some(text) => to(text, position),
                        None => last().map_or(position, |version| to(&version.text, position)),
                    };
                    fields["character"] = translated.character.into();
                    return;
                }
                for (name, value) in fields {
                    match (name.as_str(), value) {
                        // Edits, by document.
                        ("changes", Value::Object(changes)) => {
                            for (uri, edits) in changes {
                                self.translate(edits, Some(uri), None, to);
                            }
                        }
                        (_, value) => self.translate(value, uri, text, to),
                    }
                }
            }
            _ => {}
        }
    }
}

/// One URI may be written in several ways.
fn key(uri: &str) -> String {
    percent_decode_str(uri).decode_utf8_lossy().into_owned()
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// The document that a message is of.
fn uri_of(message: &Value) -> Option<String> {
    message["params"]["textDocument"]["uri"].as_str().map(str::to_owned)
}
