//! The editor's side: a language server, one message after the other.
//!
//! A client may name the file that includes all others (`initializationOptions: {"root": "…"}`);
//! then labels and keys of the whole configuration are known in each of its files. Without it a
//! file is looked at with what it includes, and with the open file that includes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use cartesian::Loader;
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument, Exit,
    Notification as _, PublishDiagnostics,
};
use lsp_types::request::{
    Completion, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest, Initialize,
    Request as _, Shutdown,
};
use lsp_types::{
    CompletionOptions, CompletionResponse, Diagnostic, DocumentSymbolResponse,
    GotoDefinitionResponse, InitializeResult, OneOf, Position, PublishDiagnosticsParams, Range,
    ServerCapabilities, ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, TextEdit,
    Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::project::{Project, SourceFile};

mod diagnostics;
mod features;
mod text;

/// Why the server ended other than by being told to.
#[derive(Debug, Error)]
pub enum LspError {
    /// A message could not be read or written, or was none of the protocol's.
    #[error("failed to talk to the editor: {0}")]
    Io(#[from] io::Error),
    /// A notification does not have the shape the protocol gives it.
    #[error("failed to understand the editor: {0}")]
    Json(#[from] serde_json::Error),
    /// The client vanished without saying goodbye.
    #[error("failed to go on: the editor closed the connection without `exit`")]
    Gone,
}

/// The protocol's code for a request before `initialize`.
const NOT_INITIALIZED: i32 = -32002;

/// Serves one client until it says goodbye.
///
/// # Errors
/// When the client breaks the protocol or vanishes.
pub fn serve<R: Read>(
    input: &mut BufReader<R>,
    output: &mut dyn Write,
    loader: &dyn Loader,
) -> Result<(), LspError> {
    let mut server = Server {
        output,
        disk: loader,
        root: None,
        initialized: false,
        open: BTreeMap::new(),
        projects: BTreeMap::new(),
        reported: BTreeSet::new(),
        changed: false,
    };
    while let Some(message) = Message::read(input)? {
        match message {
            Message::Request(request) => {
                let response = server.answer(request);
                server.send(response.into())?;
            }
            Message::Notification(notification) if notification.method == Exit::METHOD => {
                return Ok(());
            }
            Message::Notification(notification) if server.initialized => {
                server.note(notification)?;
            }
            Message::Notification(_) | Message::Response(_) => {}
        }
        // Someone who types fast sends more changes than there is time to look at.
        if server.changed && input.buffer().is_empty() {
            server.changed = false;
            server.publish()?;
        }
    }
    Err(LspError::Gone)
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(true.into()),
        definition_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(["{", "=", ".", "(", ",", " "].map(str::to_owned).into()),
            ..CompletionOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}

/// Files as the editor has them, then as the disk has them.
struct Overlay<'s> {
    open: &'s BTreeMap<String, String>,
    disk: &'s dyn Loader,
}

impl Loader for Overlay<'_> {
    fn load(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.open.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.disk.load(path),
        }
    }

    fn is_absolute(&self, path: &str) -> bool {
        self.disk.is_absolute(path)
    }

    fn home(&self) -> Option<String> {
        self.disk.home()
    }
}

struct Server<'c> {
    output: &'c mut dyn Write,
    disk: &'c dyn Loader,
    root: Option<String>,
    initialized: bool,
    /// Text of the open files by path.
    open: BTreeMap<String, String>,
    /// Projects by root, until the next change.
    projects: BTreeMap<String, Arc<Project>>,
    /// Files that have diagnostics in the editor, to take them away again.
    reported: BTreeSet<String>,
    /// Whether something changed since the diagnostics were sent.
    changed: bool,
}

impl Server<'_> {
    fn send(&mut self, message: Message) -> Result<(), LspError> {
        message.write(&mut self.output)?;
        self.output.flush()?;
        Ok(())
    }

    fn note(&mut self, notification: Notification) -> Result<(), LspError> {
        let params = notification.params;
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                let opened: lsp_types::DidOpenTextDocumentParams = read(params)?;
                self.change(&opened.text_document.uri, Some(opened.text_document.text));
            }
            DidChangeTextDocument::METHOD => {
                let changed: lsp_types::DidChangeTextDocumentParams = read(params)?;
                // With full synchronisation the last change is the whole text.
                if let Some(last) = changed.content_changes.into_iter().next_back() {
                    self.change(&changed.text_document.uri, Some(last.text));
                }
            }
            DidCloseTextDocument::METHOD => {
                let closed: lsp_types::DidCloseTextDocumentParams = read(params)?;
                self.change(&closed.text_document.uri, None);
            }
            DidSaveTextDocument::METHOD => {
                self.projects.clear();
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, uri: &Uri, text: Option<String>) {
        let Some(path) = text::path_of(uri) else {
            return;
        };
        match text {
            Some(text) => self.open.insert(path, text),
            None => self.open.remove(&path),
        };
        self.projects.clear();
        self.changed = true;
    }

    /// Sends the diagnostics of every file that has some or had some before.
    fn publish(&mut self) -> Result<(), LspError> {
        let mut found: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
        let roots: Vec<String> = match &self.root {
            Some(root) => vec![root.clone()],
            None => self.open.keys().cloned().collect(),
        };
        for root in roots {
            let Some(project) = self.project(&root) else {
                continue;
            };
            let overlay = self.overlay();
            for (path, diagnostic) in diagnostics::of(&project, &overlay) {
                let of_file = found.entry(path).or_default();
                if !of_file.contains(&diagnostic) {
                    of_file.push(diagnostic);
                }
            }
        }
        let had: Vec<String> = self
            .reported
            .iter()
            .chain(self.open.keys())
            .filter(|path| !found.contains_key(*path))
            .cloned()
            .collect();
        self.reported = found.keys().cloned().collect();
        found.extend(had.into_iter().map(|path| (path, Vec::new())));
        for (path, diagnostics) in found {
            let Some(uri) = text::uri_of(&path) else {
                continue;
            };
            let params = PublishDiagnosticsParams::new(uri, diagnostics, None);
            let method = PublishDiagnostics::METHOD.to_owned();
            self.send(Notification::new(method, params).into())?;
        }
        Ok(())
    }

    fn overlay(&self) -> Overlay<'_> {
        Overlay {
            open: &self.open,
            disk: self.disk,
        }
    }

    /// The project that starts at `root`.
    fn project(&mut self, root: &str) -> Option<Arc<Project>> {
        if let Some(project) = self.projects.get(root) {
            return Some(Arc::clone(project));
        }
        let overlay = self.overlay();
        let text = overlay.load(root).ok()?;
        let file = SourceFile::new(root, String::from_utf8_lossy(&text));
        let project = Arc::new(Project::load(file, &overlay));
        self.projects.insert(root.to_owned(), Arc::clone(&project));
        Some(project)
    }

    /// The file at `path` first, then everything that is known around it.
    fn project_around(&mut self, path: &str) -> Option<Project> {
        let mut around = Project::clone(&*self.project(path)?);
        let others: Vec<String> = self
            .root
            .iter()
            .chain(self.open.keys())
            .filter(|other| *other != path)
            .cloned()
            .collect();
        for other in others {
            if let Some(project) = self.project(&other)
                && project.files.iter().any(|file| file.path == path)
            {
                around.merge(&project);
            }
        }
        Some(around)
    }

    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        if !self.initialized && method != Initialize::METHOD {
            let message = "the first request must be `initialize`".to_owned();
            return Response::new_err(id, NOT_INITIALIZED, message);
        }
        let answered = match method.as_str() {
            Initialize::METHOD => self.initialize(&params),
            Shutdown::METHOD => Ok(serde_json::Value::Null),
            HoverRequest::METHOD => self.at(params, |project, loader, position| {
                features::hover(project, loader, position)
            }),
            GotoDefinition::METHOD => self.at(params, |project, loader, position| {
                Some(GotoDefinitionResponse::Array(features::definition(
                    project, loader, position,
                )))
            }),
            Completion::METHOD => self.at(params, |project, _, position| {
                Some(CompletionResponse::Array(features::completion(
                    project, position,
                )))
            }),
            DocumentSymbolRequest::METHOD => self.document(params, |file| {
                DocumentSymbolResponse::Nested(features::symbols(file))
            }),
            Formatting::METHOD => self.document(params, formatted),
            _ => {
                let message = format!("this server does not know {method}");
                return Response::new_err(id, ErrorCode::MethodNotFound as i32, message);
            }
        };
        match answered {
            Ok(answer) => Response::new_ok(id, answer),
            Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
        }
    }

    fn initialize(
        &mut self,
        params: &serde_json::Value,
    ) -> Result<serde_json::Value, serde_json::Error> {
        self.initialized = true;
        self.root = params
            .pointer("/initializationOptions/root")
            .and_then(|root| root.as_str())
            .map(str::to_owned);
        serde_json::to_value(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: "virt-test".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    /// Answers a request about a place.
    fn at<T: Serialize>(
        &mut self,
        params: serde_json::Value,
        answer: impl FnOnce(&Project, &dyn Loader, Position) -> Option<T>,
    ) -> Result<serde_json::Value, serde_json::Error> {
        let asked: lsp_types::TextDocumentPositionParams = read(params)?;
        let project =
            text::path_of(&asked.text_document.uri).and_then(|path| self.project_around(&path));
        let answered =
            project.and_then(|project| answer(&project, &self.overlay(), asked.position));
        serde_json::to_value(answered)
    }

    /// Answers a request about a whole file.
    fn document<T: Serialize>(
        &mut self,
        params: serde_json::Value,
        answer: impl FnOnce(&SourceFile) -> T,
    ) -> Result<serde_json::Value, serde_json::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Asked {
            text_document: lsp_types::TextDocumentIdentifier,
        }
        let asked: Asked = read(params)?;
        let project = text::path_of(&asked.text_document.uri).and_then(|path| self.project(&path));
        let answered = project
            .as_ref()
            .and_then(|project| project.files.first())
            .map(|file| answer(file));
        serde_json::to_value(answered)
    }
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(params)
}

/// The edit that puts a file into canonical form.
fn formatted(file: &SourceFile) -> Vec<TextEdit> {
    let formatted = crate::format(&file.text);
    if formatted == file.text {
        return Vec::new();
    }
    let lines = file.text.split_inclusive('\n').count() as u32;
    let whole = Range::new(Position::new(0, 0), Position::new(lines + 1, 0));
    vec![TextEdit::new(whole, formatted)]
}
