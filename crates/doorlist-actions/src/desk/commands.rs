//! The commands of `doorlist --server`.

use super::Desk;
use crate::error::{ActionError, ErrorKind};
use crate::request::Request;
use crate::response::Response;

impl Desk {
    /// Does what a command asks, if it may travel and the caller may do it.
    ///
    /// # Errors
    /// As the command's action has them, and when the caller may not.
    pub async fn command(&self, _request: Request) -> Result<Response, ActionError> {
        Err(ActionError::new(ErrorKind::Unavailable, "commands cannot be given from afar yet"))
    }
}
