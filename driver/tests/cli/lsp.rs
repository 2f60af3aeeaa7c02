//! `gauss-lsp-server`, by the messages of the protocol.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::fixture::TINY;

const URI: &str = "file:///tmp/net%C3%A9.mlir";

/// A server and what it said that nobody asked for.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    notifications: VecDeque<Value>,
    last: i64,
}

impl Server {
    /// A server for an editor that offers these encodings, and its capabilities.
    fn start(encodings: &[&str]) -> (Self, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gauss-lsp-server"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = BufReader::new(output);
        let mut server = Self { child, input, output, notifications: VecDeque::new(), last: 0 };
        let general = match encodings {
            [] => json!({}),
            encodings => json!({ "positionEncodings": encodings }),
        };
        let capabilities = json!({ "general": general, "textDocument": {
            "documentSymbol": { "hierarchicalDocumentSymbolSupport": true } } });
        let answer = server.request(
            "initialize",
            json!({ "processId": null, "rootUri": null, "capabilities": capabilities }),
        );
        server.notify("initialized", json!({}));
        (server, answer["capabilities"].clone())
    }

    fn send_bytes(&mut self, body: &[u8]) {
        write!(self.input, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        self.input.write_all(body).unwrap();
        self.input.flush().unwrap();
    }

    fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send_bytes(message.to_string().as_bytes());
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server ended");
            match line.trim().split_once(": ") {
                Some(("Content-Length", bytes)) => length = bytes.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The result of a request.
    fn request(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.send_bytes(message.to_string().as_bytes());
        loop {
            let answer = self.receive();
            if answer["id"] == self.last {
                assert!(answer.get("result").is_some(), "{answer:#}");
                return answer["result"].clone();
            }
            self.notifications.push_back(answer);
        }
    }

    /// A request about a place.
    fn at(&mut self, method: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        let document = json!({ "uri": URI });
        self.request(
            &format!("textDocument/{method}"),
            json!({ "textDocument": document, "position": position }),
        )
    }

    /// The diagnostics that come next, which are of this version.
    fn diagnostics(&mut self, version: i64) -> Vec<Value> {
        let message = self.notifications.pop_front().unwrap_or_else(|| self.receive());
        assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message:#}");
        assert_eq!(message["params"]["version"], version, "{message:#}");
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn open(&mut self, text: &str) -> Vec<Value> {
        let document = json!({ "uri": URI, "languageId": "mlir", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        self.diagnostics(1)
    }

    fn change(&mut self, version: i64, text: &str) -> Vec<Value> {
        let document = json!({ "uri": URI, "version": version });
        let changes = json!([{ "text": "not the last" }, { "text": text }]);
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
        self.diagnostics(version)
    }

    fn end(mut self) {
        assert_eq!(self.request("shutdown", Value::Null), Value::Null);
        self.notify("exit", Value::Null);
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), self.notifications.len()), ("", 0), "{:#?}", self.notifications);
    }
}

/// The columns of a range, which is within one line.
fn columns(range: &Value, line: u32) -> (u64, u64) {
    for end in ["start", "end"] {
        assert_eq!(range[end]["line"], line, "{range:#}");
    }
    let column = |end: &str| range[end]["character"].as_u64().unwrap();
    (column("start"), column("end"))
}

#[test]
fn errors_of_the_verifiers_are_published() {
    let (mut server, _) = Server::start(&[]);
    let found = server.open(&TINY.replace("?x4xf32", "?x5xf32"));
    assert!(found[0]["message"].as_str().unwrap().contains("'gauss.dense' op"), "{found:#?}");
    assert_eq!(server.change(2, TINY), [json!(null); 0]);
    server.end();
}

/// A name outside of the basic plane, before what the messages are about.
const UNICODE: &str = r#"module attributes {a.b = "é𝔸"} { func.func @f(%x: tensor<1xf32>) -> tensor<1xf32> { %y = gauss.relu %x : (tensor<1xf32>) -> tensor<1xf32> return %y : tensor<1xf32> } }
"#;

/// The column of a part of a line, in UTF-16 code units or bytes.
fn column(line: &str, part: &str, encoding: &str) -> u32 {
    let before = &line[..line.find(part).unwrap()];
    let units = if encoding == "utf-8" { before.len() } else { before.encode_utf16().count() };
    u32::try_from(units).unwrap()
}

#[test]
fn columns_are_what_the_editor_counts() {
    for (offered, agreed) in
        [(&[][..], "utf-16"), (&["utf-16"], "utf-16"), (&["utf-32", "utf-8", "utf-16"], "utf-8")]
    {
        let (mut server, capabilities) = Server::start(offered);
        assert_eq!(capabilities["positionEncoding"], agreed);
        assert_eq!(server.open(UNICODE), [json!(null); 0]);
        let place = |part: &str| column(UNICODE, part, agreed);
        // From the return to the definition of its operand, and back to its uses.
        let found = server.at("definition", 0, place("return %y") + 7);
        let definition = u64::from(place("%y ="));
        assert_eq!(columns(&found[0]["range"], 0), (definition, definition + 2), "{found:#}");
        let hover = server.at("hover", 0, place("gauss.relu") + 6);
        let start = u64::from(place("gauss.relu"));
        assert_eq!(columns(&hover["range"], 0), (start, start + 10), "{hover:#}");
        let symbols = server
            .request("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } }));
        let text = symbols.to_string();
        assert!(text.contains(&format!("{{\"character\":{}", place("func.func"))), "{symbols:#}");

        let wrong = UNICODE.replace("%x : (", "%zz : (");
        let found = server.change(2, &wrong);
        let start = u64::from(column(&wrong, "%zz", agreed));
        assert_eq!(columns(&found[0]["range"], 0).0, start, "{found:#?}");
        server.end();
    }
}

#[test]
fn hover_shows_the_page_of_an_op() {
    let (mut server, _) = Server::start(&[]);
    server.open(TINY);
    let hover = server.at("hover", 3, 8);
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.starts_with("# gauss.dense\n\nFully connected layer."), "{text}");
    // What MLIR's server says stays.
    assert!(text.contains("Generic Form:"), "{text}");
    let value = server.at("hover", 3, 2);
    assert!(!value["contents"].to_string().contains("Fully connected"), "{value:#}");
    // In a text that does not parse there is the page at least.
    server.change(2, "  %y = gauss.max_pool2d %x kern\n");
    let hover = server.at("hover", 0, 10);
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.starts_with("# gauss.max_pool2d\n\nMaximum over a window."), "{text}");
    server.end();
}

#[test]
fn completion_offers_ops_and_attributes() {
    let (mut server, _) = Server::start(&[]);
    let body = "func.func @f(%é: !gauss.tensor<1x1x4x4xf32>) {\n  %y = gauss.max\n}\n";
    server.open(body);
    let labels = |offered: &Value| -> Vec<String> {
        let items = offered["items"].as_array().unwrap().iter();
        let items = items.filter(|item| item["detail"] != "dialect");
        items.map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    };
    let offered = server.at("completion", 1, 16);
    let pools = ["gauss.max_pool1d", "gauss.max_pool2d", "gauss.max_pool3d"];
    assert_eq!(labels(&offered), pools, "{offered:#}");
    let is_wanted = |item: &&Value| item["label"] == "gauss.max_pool2d";
    let item = offered["items"].as_array().unwrap().iter().find(is_wanted).unwrap();
    assert_eq!(item["detail"], "Maximum over a window.");
    assert_eq!(columns(&item["textEdit"]["range"], 1), (7, 16), "{item:#}");
    assert!(item["documentation"]["value"].as_str().unwrap().contains("## Attributes"));
    server.change(2, &body.replace("gauss.max\n", "\n"));
    let offered = labels(&server.at("completion", 1, 7));
    assert!(offered.contains(&"gauss.dense".to_owned()), "{offered:?}");
    // Each once, whatever the server of MLIR adds behind the name of the dialect.
    server.change(3, &body.replace("gauss.max\n", "gauss.\n"));
    let offered = labels(&server.at("completion", 1, 13));
    let dense: Vec<_> = offered.iter().filter(|label| label.ends_with("dense")).collect();
    assert_eq!(dense, ["gauss.dense"], "{offered:?}");
    server.change(4, &body.replace("gauss.max\n", "gauss.max_pool2d %é kernel [2, 2] \n"));
    assert_eq!(labels(&server.at("completion", 1, 41)), ["strides", "padding", "dilation", "ceil"]);
    server.end();
}

#[test]
fn a_byte_order_mark_is_no_error() {
    let (mut server, _) = Server::start(&[]);
    assert_eq!(server.open(&format!("\u{feff}{TINY}")), [json!(null); 0]);
    let found = server.change(2, "\u{feff}func.func @f(%x: !gauss.tensor<0x3xf32>)\n");
    assert_eq!(columns(&found[0]["range"], 0), (31, 39), "{found:#?}");
    server.end();
}

#[test]
fn text_that_nests_too_deep_is_a_diagnostic() {
    let nested = |levels: usize| format!("\"é\" {}{}\n", "{".repeat(levels), "}".repeat(levels));
    let (mut server, _) = Server::start(&[]);
    let deep = |found: Vec<Value>| {
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0]["message"].as_str().unwrap().contains("deeper than 256 levels"));
        assert_eq!(columns(&found[0]["range"], 0), (260, 261));
        assert_eq!(found[0]["severity"], 1);
    };
    deep(server.open(&nested(257)));
    // There is nothing to say of it, and the server lives on.
    assert_eq!(server.at("hover", 0, 1), Value::Null);
    assert_eq!(server.at("definition", 0, 1), Value::Null);
    assert_eq!(server.change(2, TINY), [json!(null); 0]);
    assert!(server.at("hover", 3, 8)["contents"]["value"].is_string());
    deep(server.change(3, &nested(999)));
    assert_eq!(server.change(4, TINY), [json!(null); 0]);
    server.end();
}

#[test]
fn what_is_no_message_is_answered() {
    let (mut server, _) = Server::start(&[]);
    let nested = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for body in ["{", &nested] {
        server.send_bytes(body.as_bytes());
        let answer = server.receive();
        assert_eq!(answer["error"]["code"], -32700, "{answer:#}");
    }
    server.notify("textDocument/didOpen", json!({ "textDocument": { "uri": URI } }));
    server.notify("textDocument/didChange", json!([]));
    assert_eq!(server.open(TINY), [json!(null); 0]);
    server.end();
}

#[test]
fn other_arguments_than_those_of_an_editor_reach_mlir() {
    let ran = |argument: &str| {
        let mut server = Command::new(env!("CARGO_BIN_EXE_gauss-lsp-server"));
        crate::fixture::Ran::of(server.arg(argument).stdin(Stdio::null())).ok()
    };
    assert!(ran("--help").contains("--lit-test"));
    assert!(ran("--version").contains("LLVM version"));
}
