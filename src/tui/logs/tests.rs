//! What the log keeps, what it asks for, and what it says is missing.

#![allow(clippy::indexing_slicing, clippy::unnecessary_wraps, reason = "a test; as it comes")]

use super::*;

fn page(range: std::ops::RangeInclusive<u64>) -> Option<Page> {
    let kept = (1, *range.end());
    let line = |n| Line { n, at: Timestamp::UNIX_EPOCH, step: None, level: Level::Info, text: n.to_string() };
    Some(Page { lines: range.map(line).collect(), kept, began: Timestamp::UNIX_EPOCH })
}

#[test]
fn it_follows_pauses_and_counts_what_came_since() {
    let mut panel = LogPanel::default();
    assert_eq!(panel.query().map(|query| query.after), Some(None));
    assert_eq!(panel.query(), None, "one question at a time");
    panel.take(page(1..=100));
    assert_eq!(panel.query().unwrap().after, Some(100));
    panel.scroll(-10, 20);
    panel.take(page(101..=150));
    assert_eq!((panel.foot(), panel.below()), (89, 60));
    panel.toggle();
    assert_eq!(panel.below(), 0);
    panel.toggle();
    panel.scroll(5, 20);
    assert_eq!(panel.paused_at, None, "down to the newest follows it");
}

#[test]
fn it_is_bounded_says_where_it_was_cut_and_begins_anew_with_another_engine() {
    let mut panel = LogPanel::default();
    panel.take(page(1..=400));
    assert_eq!(panel.before, 0);
    for from in (401..20_000).step_by(500) {
        panel.take(page(from..=from + 499));
    }
    assert_eq!((panel.lines.len(), panel.before), (KEPT, panel.lines[0].n - 1));
    assert!(panel.take(page(1..=3)), "ask again");
    assert!(panel.lines.is_empty() && panel.before == 0);
    // One that has counted further meanwhile is another one all the same.
    panel.take(page(1..=3));
    let other = Page { began: Timestamp::MAX, ..page(4..=9).unwrap() };
    assert!(panel.take(Some(other)) && panel.lines.is_empty());
}

#[test]
fn nothing_is_dropped_without_a_mark_that_counts_it() {
    let mut panel = LogPanel::default();
    // Of 900 lines only the newest are fetched.
    panel.take(page(401..=900));
    assert_eq!((panel.before, panel.gaps.len()), (400, 0));
    // The engine let 901 to 1,000 go before this window asked again.
    let later = Page { kept: (1_001, 1_100), ..page(1_001..=1_100).unwrap() };
    panel.take(Some(later));
    assert_eq!(panel.gaps, BTreeMap::from([(1_001, 100)]));
    panel.take(Some(Page { kept: (1_001, 1_150), ..page(1_101..=1_150).unwrap() }));
    assert_eq!(panel.gaps.len(), 1, "what was let go after it was fetched is here");
    // Lines that a search passes over are not missing.
    panel.search = "5".to_owned();
    panel.anew();
    panel.take(Some(Page { kept: (1, 100), ..page(5..=5).unwrap() }));
    assert_eq!(panel.query().unwrap().after, Some(100));
    panel.take(Some(Page { kept: (90, 200), ..page(150..=150).unwrap() }));
    assert!(panel.before == 0 && panel.gaps.is_empty());
}

/// What a panel asks an engine that has lines 1 to `last`, answered.
fn answered(panel: &mut LogPanel, last: u64) -> Option<Query> {
    let query = panel.query()?;
    let first = query.after.map_or(1, |after| after + 1);
    let end = query.before.map_or(last, |before| before - 1);
    let limit = u64::try_from(query.limit).unwrap();
    let range = if query.after.is_some() {
        first..=end.min(first + limit - 1)
    } else {
        (end + 1).saturating_sub(limit).max(first)..=end
    };
    panel.take(Some(Page { kept: (1, last), ..page(range).unwrap() }));
    Some(query)
}

#[test]
fn what_is_read_stays_while_it_is_paused_however_much_comes() {
    let mut panel = LogPanel::default();
    answered(&mut panel, 500);
    panel.toggle();
    let read = panel.lines[panel.foot()].n;
    for last in (1_000..60_000).step_by(500) {
        answered(&mut panel, last);
        assert_eq!(panel.lines[panel.foot()].n, read);
        assert!(panel.lines.len() <= KEPT);
    }
    assert!(panel.is_behind() && panel.query().is_none() && panel.below() > 8_000);
    panel.toggle();
    answered(&mut panel, 60_000);
    assert_eq!((panel.lines[panel.foot()].n, panel.paused_at), (60_000, None), "it follows the newest at once");
}

#[test]
fn earlier_lines_are_fetched_as_one_comes_to_them_to_the_oldest_and_newer_ones_again_on_the_way_down() {
    let mut panel = LogPanel::default();
    answered(&mut panel, 50_000);
    let all = |panel: &LogPanel| panel.lines.iter().zip(panel.lines[0].n..).all(|(line, n)| line.n == n);
    for _ in 0..200 {
        panel.scroll(isize::MIN / 2, 20);
        answered(&mut panel, 50_000);
        assert!(all(&panel) && panel.lines.len() <= KEPT);
    }
    panel.scroll(isize::MIN / 2, 20);
    assert_eq!((panel.foot(), panel.lines[0].n, panel.before, panel.reaches_back()), (19, 1, 0, false));
    let mut read = panel.lines[panel.foot()].n;
    while panel.paused_at.is_some() {
        panel.scroll(100, 20);
        answered(&mut panel, 50_000);
        let now = panel.lines[panel.foot()].n;
        assert!(all(&panel) && now - read <= 500, "{read} {now}");
        read = now;
    }
    assert_eq!(read, 50_000);
}

#[test]
fn an_answer_to_what_is_not_wanted_any_more_is_dropped() {
    let mut panel = LogPanel::default();
    answered(&mut panel, 5_000);
    panel.scroll(isize::MIN / 2, 20);
    assert!(panel.query().unwrap().before.is_some());
    panel.only(Some("load".into()));
    assert!(panel.query().is_none() && panel.take(page(4_001..=4_500)) && panel.lines.is_empty());
    assert_eq!(panel.query().unwrap().step, Some("load".into()));
}

#[test]
fn a_log_without_a_line_is_not_asked_for_all_the_time() {
    let mut panel = LogPanel::default();
    let ms = Duration::from_millis;
    assert!(panel.due(ms(0)) && panel.query().is_some());
    assert!(!panel.take(Some(Page::default())));
    assert!(!panel.due(ms(1)) && !panel.due(ms(249)));
    assert!(panel.due(ms(250)));
    panel.next_level();
    assert!(panel.due(ms(251)), "another wish is not kept waiting");
}
