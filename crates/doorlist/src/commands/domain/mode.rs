//! `doorlist domain mode`: shows what enforcing would concern, asks, and says when it takes effect.

use super::preview;
use crate::cli::domain::ModeWord;
use crate::command_target::CommandTarget;
use crate::commands::{confirm, print};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{DomainMode, DomainPreview, DomainShow, ENFORCE_LOOK_DAYS, ErrorKind, ModeWish};
use doorlist_core::address::DomainName;
use doorlist_core::domain::Mode;
use doorlist_core::preview::PreviewGroup;

/// Recipients that are shown before the name is asked for.
const RECIPIENTS_SHOWN: usize = 10;

/// Sets the mode. Enforcing an empty list, or one that lacks recipients, needs the domain's name as confirmation.
pub(super) async fn set_mode(
    target: &mut CommandTarget,
    out: &mut Output,
    mut request: DomainMode,
) -> Result<Exit, Failure> {
    loop {
        let failure = match target.ask(request.clone()).await {
            Ok(applied) => {
                print::applied(out, &applied)?;
                return outcome(target, out, &request).await;
            }
            Err(failure) => failure,
        };
        let error = failure.error.downcast_ref::<doorlist_actions::ActionError>();
        if error.is_none_or(|error| error.kind() != ErrorKind::Unconfirmed) {
            return Err(failure);
        }
        if let Some(typed) = &request.confirmed {
            let why = format_args!("{typed} is not the name of the domain, {}; nothing was changed", request.name);
            return Err(Failure::because(failure.exit, why));
        }
        most_missed(target, &request.name).await?;
        // What else to do than to confirm is for whoever cannot be asked.
        let text = failure.to_string();
        let reason = text.split(". Nothing was changed").next().unwrap_or_default();
        let question = format!("{reason}. Type the domain's name to enforce it now");
        request.confirmed = Some(confirm::typed_name(&question).ok_or(failure)?);
    }
}

pub(super) fn wish(mode: ModeWord) -> ModeWish {
    match mode {
        ModeWord::Learn => ModeWish::Learn,
        ModeWord::Monitor => ModeWish::Monitor,
        ModeWord::Enforce => ModeWish::Enforce,
    }
}

/// Shows the recipients that look real, those with clean mail first.
async fn most_missed(target: &mut CommandTarget, name: &DomainName) -> Result<(), Failure> {
    let report = target.ask(DomainPreview { name: name.clone(), days: ENFORCE_LOOK_DAYS }).await?;
    let real = report.recipients.iter().filter(|recipient| recipient.group == PreviewGroup::LooksReal);
    for recipient in real.take(RECIPIENTS_SHOWN) {
        say!("  {}", preview::line(recipient));
    }
    let hidden = report.count(PreviewGroup::LooksReal).saturating_sub(RECIPIENTS_SHOWN as u64);
    if hidden > 0 {
        say!("  and {hidden} more: doorlist domain preview {name}");
    }
    Ok(())
}

async fn outcome(target: &mut CommandTarget, out: &mut Output, request: &DomainMode) -> Result<Exit, Failure> {
    if !out.is_json() {
        let name = request.name.clone();
        let mode = target.ask(DomainShow { name }).await?.summary.mode;
        if let Some(text) = replies(mode) {
            out.line(&format!("unlisted {text}"))?;
        }
        undecided(target, request).await?;
    }
    Ok(Exit::DONE)
}

/// Says how many recipients are refused from now on of which nobody knows whether they exist.
async fn undecided(target: &mut CommandTarget, request: &DomainMode) -> Result<(), Failure> {
    if request.mode != ModeWish::Enforce {
        return Ok(());
    }
    let name = request.name.clone();
    let report = target.ask(DomainPreview { name: name.clone(), days: ENFORCE_LOOK_DAYS }).await?;
    let undecided = report.count(PreviewGroup::Undecided);
    if undecided > 0 {
        let recipients = print::counted(undecided, "undecided recipient");
        say!("this concerns {recipients} of the last {ENFORCE_LOOK_DAYS} days: doorlist domain preview {name}");
    }
    Ok(())
}

/// What unlisted recipients of an enforced domain are answered, and until when.
pub(super) fn replies(mode: Mode) -> Option<String> {
    match mode {
        Mode::Learn { until } => {
            let end = until.map_or_else(|| "30 days after its first message".to_owned(), print::minute);
            Some(format!(
                "recipients are accepted if the domain's server takes them, and added when they get clean mail, until {end}"
            ))
        }
        Mode::Monitor => Some(
            "recipients are accepted if the domain's server takes them; while nobody knows, they get 451".to_owned(),
        ),
        Mode::Enforce { empty: true, .. } => Some(
            "recipients get 450 while the list is empty and for 72 hours after its first entry, then 550".to_owned(),
        ),
        Mode::Enforce { soft_until: Some(until), .. } => {
            Some(format!("recipients get 450 until {}, then 550", print::minute(until)))
        }
        Mode::Enforce { soft_until: None, .. } => Some("recipients get 550".to_owned()),
    }
}
