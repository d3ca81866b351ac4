//! Waits for work that may take long, and shows on a terminal how far it is.

use crate::command_target::{CommandTarget, unexpected};
use crate::exit::Failure;
use crate::output::{has_terminal, progress_line};
use doorlist_actions::{Request, Response, TypedRequest};
use doorlist_store::WorkProgress;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Work of less time is not shown.
const SHOWN_FROM: Duration = Duration::from_secs(1);
/// Update interval of the display.
const STEP: Duration = Duration::from_millis(250);

/// Asks for one of several actions; `what` says what is done meanwhile, `reading`.
pub(super) async fn respond(
    target: &mut CommandTarget,
    what: &'static str,
    request: impl Into<Request>,
) -> Result<Response, Failure> {
    let display = Display::begin(what, target.progress());
    let answer = target.respond(request.into()).await;
    display.end();
    answer
}

/// Asks for an action, and gives its answer.
pub(super) async fn ask<A: TypedRequest>(
    target: &mut CommandTarget,
    what: &'static str,
    request: A,
) -> Result<A::Answer, Failure> {
    A::answer(respond(target, what, request).await?).map_err(|other| unexpected(&other))
}

/// A line on the terminal: the operation, and its percentage or duration.
struct Display(Option<(Sender<()>, JoinHandle<()>)>);

impl Display {
    fn begin(what: &'static str, progress: Arc<WorkProgress>) -> Self {
        if !has_terminal() {
            return Self(None);
        }
        let (end, ended) = channel();
        let display = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut pause = SHOWN_FROM;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = STEP;
                match progress.percent() {
                    Some(percent) => progress_line(&format!("{what} ... {percent} %")),
                    None => progress_line(&format!("{what} ... {} s", begun.elapsed().as_secs())),
                }
            }
            if pause == STEP {
                progress_line("");
            }
        });
        Self(Some((end, display)))
    }

    /// Clears the line: what is printed afterwards has it for itself.
    fn end(self) {
        if let Some((end, display)) = self.0 {
            drop(end);
            // It only prints; there is nothing to learn from its end.
            let _ = display.join();
        }
    }
}
