//! TxtLookup that a domain is somebody's: TXT records, asked of the system's resolver. Must not know what they should say.

use doorlist_actions::{TxtLookup, Waited};
use doorlist_gateway::relay::resolver::{LookupError, SystemResolver};
use std::time::Duration;
use tokio::time::timeout;

/// Maximum time to wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Maximum TXT records of a name.
const TEXTS_MAX: usize = 100;

/// Uses the system's resolver, created at first use.
pub(crate) struct DnsTxt;

impl TxtLookup for DnsTxt {
    fn txt<'a>(&'a self, name: &'a str) -> Waited<'a, Result<Vec<String>, String>> {
        Box::pin(async move {
            let resolver = SystemResolver::from_system().map_err(|error| error.to_string())?;
            match timeout(ANSWER_MAX, resolver.texts(name)).await {
                Ok(Ok(mut texts)) => {
                    texts.truncate(TEXTS_MAX);
                    Ok(texts)
                }
                Ok(Err(LookupError::NoName | LookupError::NoRecord)) => Ok(Vec::new()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer within 10 s".to_owned()),
            }
        })
    }
}
