use pycoroner_findings::UtcTime;

use super::*;
use crate::document::Place;
use crate::tally::{Moment, Sighting};

fn sighting(index: u64) -> Sighting {
    let place = Place { line: index + 1, ..Place::default() };
    Sighting { time: Some(UtcTime(index as i64)), moment: Moment::Elsewhere, place, log: 1 }
}

fn add(miner: &mut TemplateMiner, message: &[u8], level: Option<Level>, index: u64) {
    let name = miner.name(message, level).name;
    miner.add(name, level, message, |tally| tally.add(&sighting(index)));
}

fn mined<'m>(messages: impl Iterator<Item = (u64, &'m String)>) -> (Vec<String>, u64) {
    let mut miner = TemplateMiner::default();
    for (index, message) in messages {
        let level = if message.starts_with('w') { Level::Warning } else { Level::Info };
        add(&mut miner, message.as_bytes(), Some(level), index);
    }
    let all = miner.finish();
    let told = all.mined.iter().map(|mined| {
        let Tally { count, first, last, place, .. } = &mined.tally;
        format!("{} {:?} {count} {first:?} {last:?} {place:?}", mined.text, mined.level)
    });
    (told.collect(), miner.uncounted)
}

/// More templates than are kept, coarse ones included, in several orders.
#[test]
fn the_order_of_messages_does_not_matter() {
    let word = |number: usize| -> String {
        number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
    };
    let messages: Vec<String> = (0..30_000)
        .map(|index| match index % 3 {
            0 => format!("warn {}", word(index % 2000)),
            1 => format!("info {} {}", word(index % 3000), word(index)),
            _ => format!("often {index}"),
        })
        .collect();
    let forward = mined((0..).zip(&messages));
    let indexed: Vec<(u64, &String)> = (0..).zip(&messages).collect();
    let mut shuffled = indexed.clone();
    shuffled.sort_by_key(|(index, _)| index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for order in [indexed.iter().rev().copied().collect::<Vec<_>>(), shuffled] {
        assert_eq!(mined(order.into_iter()), forward);
    }
    let (templates, uncounted) = forward;
    assert!(templates.len() <= MAX_TEMPLATES + MAX_COARSE);
    let counted: u64 = templates
        .iter()
        .filter_map(|told| told.split(" Some(").nth(1)?.split(' ').nth(1)?.parse::<u64>().ok())
        .sum();
    assert_eq!(counted + uncounted, 30_000);
    assert!(uncounted > 0);
    assert_eq!(templates.iter().filter(|told| told.starts_with("warn ")).count(), 2000);
}

#[test]
fn long_messages_end_with_a_whole_word() {
    let message = |tail: &str| format!("{}{tail} end", "word ".repeat(50));
    let mut miner = TemplateMiner::default();
    for tail in ["abcdefghijklmnop", "abcdefghijklmnopqrst"] {
        add(&mut miner, message(tail).as_bytes(), None, 0);
    }
    assert_eq!(miner.finish().mined.len(), 1);
}

#[test]
fn kinds_of_numbers_are_one() {
    let mut miner = TemplateMiner::default();
    for message in ["key 3f8a10c set", "key 3f8a10d set", "key 1234567 set", "key 'a' set"] {
        add(&mut miner, message.as_bytes(), None, 0);
    }
    let templates = miner.finish();
    let told: Vec<_> = templates.mined.iter().map(|mined| (mined.text.as_str(), mined.tally.count)).collect();
    assert_eq!(told, [("key <hex> set", 3), ("key <str> set", 1)]);
    assert_eq!(templates.index_of.len(), 3);
}
