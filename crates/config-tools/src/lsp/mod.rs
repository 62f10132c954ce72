//! The editor's side: a language server over standard input and output.
//!
//! A client may name the file that includes all others (`initializationOptions: {"root": "…"}`);
//! then labels and keys of the whole configuration are known in each of its files. Without it a
//! file is looked at with what it includes, and with the open file that includes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use cartesian::Loader;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
    Notification as _, PublishDiagnostics,
};
use lsp_types::request::{
    Completion, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest, Request as _,
};
use lsp_types::{
    CompletionOptions, CompletionResponse, Diagnostic, DocumentSymbolResponse,
    GotoDefinitionResponse, OneOf, Position, PublishDiagnosticsParams, Range, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextEdit, Uri,
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
    /// The client broke the protocol.
    #[error("failed to talk to the editor: {0}")]
    Protocol(#[from] lsp_server::ProtocolError),
    /// A message could not be read or written.
    #[error("failed to read or write a message: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard input or output broke.
    #[error("failed to read or write standard input or output: {0}")]
    Io(#[from] io::Error),
    /// The client is gone.
    #[error("failed to send a message: the editor is gone")]
    Gone,
}

/// Serves an editor over standard input and output until it says goodbye.
///
/// # Errors
/// When the client breaks the protocol or vanishes.
pub fn serve_stdio(loader: &dyn Loader) -> Result<(), LspError> {
    let (connection, threads) = Connection::stdio();
    serve(&connection, loader)?;
    // The writer ends when its channel is closed.
    drop(connection);
    threads.join()?;
    Ok(())
}

/// Serves one client until it says goodbye.
///
/// # Errors
/// When the client breaks the protocol or vanishes.
pub fn serve(connection: &Connection, loader: &dyn Loader) -> Result<(), LspError> {
    let capabilities = ServerCapabilities {
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
    };
    let asked = connection.initialize(serde_json::to_value(capabilities)?)?;
    let root = asked
        .pointer("/initializationOptions/root")
        .and_then(|root| root.as_str())
        .map(str::to_owned);
    let mut server = Server {
        connection,
        disk: loader,
        root,
        open: BTreeMap::new(),
        projects: BTreeMap::new(),
        reported: BTreeSet::new(),
    };
    server.run()
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

    fn home(&self) -> Option<String> {
        self.disk.home()
    }
}

struct Server<'c> {
    connection: &'c Connection,
    disk: &'c dyn Loader,
    root: Option<String>,
    /// Text of the open files by path.
    open: BTreeMap<String, String>,
    /// Projects by root, until the next change.
    projects: BTreeMap<String, Arc<Project>>,
    /// Files that have diagnostics in the editor, to take them away again.
    reported: BTreeSet<String>,
}

impl Server<'_> {
    fn run(&mut self) -> Result<(), LspError> {
        while let Ok(message) = self.connection.receiver.recv() {
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    let response = self.answer(request);
                    self.send(response.into())?;
                }
                Message::Notification(notification) => self.note(notification)?,
                Message::Response(_) => {}
            }
        }
        Ok(())
    }

    fn send(&self, message: Message) -> Result<(), LspError> {
        self.connection
            .sender
            .send(message)
            .map_err(|_| LspError::Gone)
    }

    fn note(&mut self, notification: Notification) -> Result<(), LspError> {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                let opened: lsp_types::DidOpenTextDocumentParams =
                    serde_json::from_value(notification.params)?;
                self.changed(&opened.text_document.uri, Some(opened.text_document.text))
            }
            DidChangeTextDocument::METHOD => {
                let changed: lsp_types::DidChangeTextDocumentParams =
                    serde_json::from_value(notification.params)?;
                // With full synchronisation the last change is the whole text.
                match changed.content_changes.into_iter().next_back() {
                    Some(last) => self.changed(&changed.text_document.uri, Some(last.text)),
                    None => Ok(()),
                }
            }
            DidCloseTextDocument::METHOD => {
                let closed: lsp_types::DidCloseTextDocumentParams =
                    serde_json::from_value(notification.params)?;
                self.changed(&closed.text_document.uri, None)
            }
            DidSaveTextDocument::METHOD => {
                self.projects.clear();
                self.publish()
            }
            _ => Ok(()),
        }
    }

    fn changed(&mut self, uri: &Uri, text: Option<String>) -> Result<(), LspError> {
        let Some(path) = text::path_of(uri) else {
            return Ok(());
        };
        match text {
            Some(text) => self.open.insert(path, text),
            None => self.open.remove(&path),
        };
        self.projects.clear();
        self.publish()
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
        let answered = match method.as_str() {
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
