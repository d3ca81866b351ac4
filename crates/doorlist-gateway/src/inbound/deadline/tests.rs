use super::*;
use proptest::prelude::*;

fn deadlines(now: Instant) -> Deadlines {
    Deadlines::new(&Limits::default(), now)
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn s27_single_bytes_do_not_keep_a_command_alive() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    for at in (0..300).step_by(20) {
        assert_eq!(deadlines.received(1, start + secs(at), false), None);
    }
    assert_eq!(deadlines.received(1, start + secs(300), false), Some(Reply::Timeout));
}

#[test]
fn s27_data_must_come_with_a_hundred_octets_a_second() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    deadlines.data(start);
    for crowded in [false, true] {
        let mut deadlines = deadlines.clone();
        assert_eq!(deadlines.next(start), start + secs(60));
        assert_eq!(deadlines.received(6_000, start + secs(59), crowded), None);
        assert_eq!(deadlines.expired(start + secs(60), crowded), None, "fast enough: the next window begins");
        assert_eq!(deadlines.received(5_999, start + secs(119), crowded), None);
        assert_eq!(deadlines.expired(start + secs(120), crowded), Some(Reply::TooSlow));
    }
    deadlines.waited(secs(30));
    assert_eq!(deadlines.expired(start + secs(89), true), None, "our own disk was slow");
    assert_eq!(deadlines.expired(start + secs(90), true), Some(Reply::TooSlow));
}

#[test]
fn s27_no_session_is_endless() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    deadlines.message_ended(start + secs(7_199));
    assert_eq!(deadlines.next(start + secs(7_199)), start + secs(7_200));
    assert_eq!(deadlines.expired(start + secs(7_200), false), Some(Reply::Timeout));
}

#[test]
fn s28_an_idle_session_makes_room_after_thirty_seconds_while_others_wait() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    assert_eq!(deadlines.next(start), start + secs(30));
    assert_eq!(deadlines.expired(start + secs(29), true), None);
    assert_eq!(deadlines.expired(start + secs(30), false), None);
    assert_eq!(deadlines.next(start + secs(30)), start + secs(35), "it looks again");
    assert_eq!(deadlines.expired(start + secs(35), true), Some(Reply::Timeout));
    assert_eq!(deadlines.next(start + secs(299)), start + secs(300));
    assert_eq!(deadlines.expired(start + secs(300), false), Some(Reply::Timeout));
}

#[test]
fn s28_what_waits_for_us_is_not_idle() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    deadlines.waited(secs(10));
    assert_eq!(deadlines.expired(start + secs(39), true), None);
    assert_eq!(deadlines.expired(start + secs(40), true), Some(Reply::Timeout));
}

#[test]
fn a_message_begins_a_new_round_and_so_does_tls() {
    let start = Instant::now();
    let mut deadlines = deadlines(start);
    for (at, stage) in
        [(0, SessionStage::Hello), (20, SessionStage::Mail), (40, SessionStage::Rcpt(1)), (60, SessionStage::Rcpt(2))]
    {
        deadlines.reached(stage, start + secs(at));
    }
    deadlines.data(start + secs(80));
    deadlines.message_ended(start + secs(100));
    deadlines.reached(SessionStage::Mail, start + secs(120));
    assert_eq!(deadlines.expired(start + secs(149), true), None);
    deadlines.tls_started(start + secs(149));
    deadlines.reached(SessionStage::Hello, start + secs(160));
    assert_eq!(deadlines.expired(start + secs(189), true), None);
    assert_eq!(deadlines.expired(start + secs(190), true), Some(Reply::Timeout));
}

proptest! {
    /// MAIL, RCPT and RSET again and again lead nowhere: the time of a session without a message is bounded by the stages
    /// that there are, however its commands are ordered.
    #[test]
    fn commands_that_lead_nowhere_prolong_nothing(
        recipients_max in 1usize..5, steps in prop::collection::vec((0usize..8, 1u64..30), 1..400)
    ) {
        let start = Instant::now();
        let (mut deadlines, mut now) = (deadlines(start), start);
        let mut counted = 0;
        let mut open = true;
        for (command, pause) in steps {
            now += secs(pause);
            if deadlines.received(6, now, true).is_some() {
                open = false;
                break;
            }
            match command {
                0 => deadlines.reached(SessionStage::Hello, now),
                1 => {
                    counted = 0;
                    deadlines.reached(SessionStage::Mail, now);
                }
                2..6 if counted < recipients_max => {
                    counted += 1;
                    deadlines.reached(SessionStage::Rcpt(counted), now);
                }
                // NOOP, RSET, a refused recipient.
                _ => counted = 0,
            }
        }
        let longest = secs(30) * (3 + u32::try_from(recipients_max).unwrap_or(0));
        prop_assert!(now - start < longest + secs(30), "{:?} open {open}", now - start);
    }
}
