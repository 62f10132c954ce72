//! A call that is being put together.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{Client, Parameters, Replies};
use crate::error::{Error, Result};

/// A method and what it is given.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    client: Client,
    method: &'static str,
    parameters: Parameters,
    /// What cannot be told in JSON: a map whose keys are no text.
    unfit: Option<String>,
}

impl Asked {
    pub(crate) fn new(client: &Client, method: &'static str) -> Self {
        Self {
            client: client.clone(),
            method,
            parameters: Parameters::new(),
            unfit: None,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn put(&mut self, name: &str, value: impl Serialize) {
        match serde_json::to_value(value) {
            Ok(value) => drop(self.parameters.insert(name.to_owned(), value)),
            Err(error) => self.unfit = Some(format!("{name}: {error}")),
        }
    }

    fn fit(&self) -> Result<()> {
        match &self.unfit {
            None => Ok(()),
            Some(what) => Err(Error::Malformed {
                method: self.method,
                source: serde::de::Error::custom(what),
            }),
        }
    }

    fn read<T: DeserializeOwned>(&self, reply: Value) -> Result<T> {
        decode(self.method, reply)
    }

    /// Asks for what has no reply.
    pub(crate) fn nothing(self) -> Result<()> {
        self.fit()?;
        self.client.call(self.method, &self.parameters).map(drop)
    }

    /// Asks for a reply.
    pub(crate) fn whole<T: DeserializeOwned>(self) -> Result<T> {
        self.fit()?;
        let reply = self.client.call(self.method, &self.parameters)?;
        self.read(reply)
    }

    /// Asks for a reply of one member, which may be absent.
    pub(crate) fn member<T: DeserializeOwned>(self, name: &str) -> Result<T> {
        self.fit()?;
        let mut reply = self.client.call(self.method, &self.parameters)?;
        let member = reply.get_mut(name).map(Value::take);
        self.read(member.unwrap_or_default())
    }

    /// Asks for many replies.
    pub(crate) fn stream(self) -> Result<Replies> {
        self.fit()?;
        self.client.stream(self.method, &self.parameters)
    }
}

pub(crate) fn decode<T: DeserializeOwned>(method: &'static str, reply: Value) -> Result<T> {
    serde_json::from_value(reply).map_err(|source| Error::Malformed { method, source })
}
