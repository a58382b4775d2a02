//! What the last records of processes that died have, and others have not.

use std::fmt::Write as _;

use pycoroner_findings::{Confidence, SourceId};
use pycoroner_logscan::{DeathComparison, Input, Options, Scan, scan};

/// The same numbers for the same seed (G. Marsaglia, "Xorshift RNGs", 2003).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// A request, and what the process that answers it says.
#[derive(Clone, Copy)]
struct Request {
    worker: usize,
    pid: u64,
    /// How many requests the process had before, and all of them.
    turn: u64,
    number: u64,
}

/// A service of a few processes: what each request is answered with, and whether the process dies of it.
struct Service {
    random: Random,
    workers: Vec<(u64, u64)>,
    app: String,
    errors: String,
    millis: u64,
}

impl Service {
    fn new(seed: u64, workers: u64) -> Self {
        let workers = (0..workers).map(|worker| (100 + worker, 0)).collect();
        Self { random: Random::new(seed), workers, app: String::new(), errors: String::new(), millis: 0 }
    }

    fn clock(&self) -> String {
        let seconds = self.millis / 1000;
        format!("2024-05-01 {:02}:{:02}:{:02}", 8 + seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// One record, whose members are given as JSON.
    fn says(&mut self, request: Request, message: &str, members: &str) {
        self.millis += 3;
        let (clock, millis) = (self.clock().replace(' ', "T"), self.millis % 1000);
        let comma = if members.is_empty() { "" } else { "," };
        writeln!(
            self.app,
            "{{\"timestamp\":\"{clock}.{millis:03}Z\",\"level\":\"INFO\",\"message\":\"{message}\",\"process\":{}{comma}{members}}}",
            request.pid
        )
        .unwrap();
    }

    /// Answers requests; `answer` says whether the process dies of this one.
    fn run(mut self, requests: u64, mut answer: impl FnMut(&mut Self, Request) -> bool) -> Self {
        let mut next = 100 + self.workers.len() as u64;
        for number in 0..requests {
            let worker = usize::try_from(self.random.below(self.workers.len() as u64)).unwrap();
            let (pid, turn) = self.workers[worker];
            self.workers[worker].1 += 1;
            self.millis += 1 + self.random.below(90);
            if answer(&mut self, Request { worker, pid, turn, number }) {
                let clock = self.clock();
                writeln!(self.errors, "[{clock} +0000] [7] [ERROR] Worker (pid:{pid}) was sent SIGSEGV!")
                    .unwrap();
                writeln!(self.errors, "[{clock} +0000] [7] [INFO] Booting worker with pid: {next}").unwrap();
                self.workers[worker] = (next, 0);
                next += 1;
            }
        }
        self
    }

    fn scan(&self) -> Scan {
        compared(&[("app.log", &self.app), ("error.log", &self.errors)])
    }
}

fn compared(logs: &[(&str, &str)]) -> Scan {
    let options = Options::default();
    let mut readers: Vec<&[u8]> = Vec::new();
    let mut scanned: Option<Scan> = None;
    let mut comparison = None;
    let mut last = None;
    for reading in 0..3 {
        readers.clear();
        readers.extend(logs.iter().map(|(_, text)| text.as_bytes()));
        let inputs = (1..).zip(logs).zip(&mut readers);
        let inputs = inputs.map(|((id, (path, _)), reader)| Input::new(SourceId(id), *path, reader));
        match reading {
            0 => {
                let scan = scan(inputs, &options);
                comparison = DeathComparison::of(&scan);
                scanned = Some(scan);
            }
            1 => last = comparison.take().map(|deaths| deaths.read_last_records(inputs, &options)),
            _ => {
                let scan = scanned.as_mut().unwrap();
                scan.separations = last.take().and_then(|last| last.compare(inputs, &options));
            }
        }
    }
    scanned.unwrap()
}

/// The values that were found, one per line.
fn found(scan: &Scan) -> String {
    let Some(separations) = &scan.separations else { return String::new() };
    let mut told = String::new();
    for one in &separations.found {
        let by = serde_json::to_value(one.by).unwrap();
        writeln!(
            told,
            "{} | {} {} {} | {} of {}, {} of {}",
            one.template,
            one.what,
            by.as_str().unwrap(),
            one.value,
            one.died_with,
            one.died,
            one.others_with,
            one.others
        )
        .unwrap();
    }
    told
}

fn title(scan: &Scan) -> String {
    let finding = scan.findings().into_iter().find(|finding| finding.id == "value-goes-with-deaths");
    finding.map(|finding| finding.title).unwrap_or_default()
}

/// A shop in which processes die of an article beyond the end of a table.
fn shop(seed: u64) -> Service {
    Service::new(seed, 3).run(1500, |shop, request| {
        let path = ["/price", "/login", "/order", "/health"][usize::try_from(shop.random.below(4)).unwrap()];
        shop.says(request, "request started", &format!("\"path\":\"{path}\",\"number\":{}", request.number));
        if path != "/price" {
            shop.says(request, "request finished", &format!("\"path\":\"{path}\""));
            return false;
        }
        let article = 900 + shop.random.below(100);
        let asks = shop.random.below(4) == 0;
        if asks {
            shop.says(request, &format!("no price for SKU-{article} in the feed; asking the old table"), "");
        }
        let dies = asks && article > 950;
        if !dies {
            shop.says(request, "request finished", "\"path\":\"/price\"");
        }
        dies
    })
}

#[test]
fn a_number_beyond_which_processes_die() {
    let scan = shop(1).scan();
    let separations = scan.separations.as_ref().unwrap();
    assert_eq!(separations.end, "SIGSEGV");
    let all = &separations.found[0];
    assert_eq!(
        (all.what.as_str(), all.by, all.is_last),
        ("SKU-<n>", pycoroner_logscan::SeparatedBy::AtLeast, true)
    );
    assert_eq!((all.died_with, all.others_with), (separations.deaths, 0));
    let value: u64 = all.value.parse().unwrap();
    let nearest: u64 = all.nearest.as_ref().unwrap().parse().unwrap();
    assert!(value > 950 && nearest <= 950, "{value} {nearest}");
    // What the request was is no more than one sign of it.
    let path = separations.found.iter().find(|one| one.what == "path").unwrap();
    assert_eq!((path.value.as_str(), path.died_with, path.is_last), ("/price", separations.deaths, false));
    assert!(path.others_with > 200 && path.others_with * 3 < path.others, "{path:?}");
    assert_eq!(separations.found.len(), 2, "{}", found(&scan));
    let finding = scan.findings().into_iter().find(|finding| finding.id == "value-goes-with-deaths").unwrap();
    assert_eq!(finding.confidence, Confidence::Strong);
    assert_eq!(
        finding.title,
        format!(
            "All {} processes that died of SIGSEGV said last \"no price for SKU-<n> in the feed; asking the old table\" with SKU-<n> of {value} or more; in the {} other records of it, it is {nearest} or less",
            separations.deaths, all.others
        )
    );
    // Both sides are cited, by the lines that say it.
    let log = compared_text(1);
    let line = |place: &pycoroner_logscan::Place| {
        assert_eq!(place.source, 0);
        let start = usize::try_from(place.offset).unwrap();
        log[start..].lines().next().unwrap().to_owned()
    };
    for place in &all.died_places {
        assert!(line(place).contains("no price for SKU-9"), "{}", line(place));
    }
    assert!(
        line(&all.other_places[0]).contains(&format!("SKU-{nearest} ")),
        "{}",
        line(&all.other_places[0])
    );
    assert!(finding.evidence.iter().take(2).all(|evidence| !evidence.citations.is_empty()));
}

fn compared_text(seed: u64) -> String {
    shop(seed).app
}

/// Says what many services say, and dies whatever it is.
struct Habits {
    seed: u64,
    /// What drifts slowly, for all processes.
    level: u64,
    tenant: u64,
    /// One in so many requests ends its process.
    rarity: u64,
    deaths: u64,
}

impl Habits {
    fn new(seed: u64) -> Self {
        Self { seed, level: 500, tenant: seed % 7, rarity: [15, 40, 120][(seed % 3) as usize], deaths: 0 }
    }

    fn answer(&mut self, shop: &mut Service, request: Request, is_due: bool) -> bool {
        let mut below = |bound| shop.random.below(bound);
        self.level = (self.level + below(9)).saturating_sub(4);
        if below(60) == 0 {
            self.tenant = below(12);
        }
        let path = ["/price", "/login", "/order", "/health"][below(4) as usize];
        let (user, article, amount, took) = (below(200), below(1000), below(50), 1 + below(400));
        let (pid, turn, number) = (request.pid, request.turn, request.number);
        // Of each process its own, for as long as it lives.
        let (shard, node) = ((pid + self.seed) * 7919 % 5, (pid + self.seed) * 104_729 % 97);
        let memory = 4000 + turn * 13 + below(9);
        let members = format!(
            "\"path\":\"{path}\",\"user\":\"u{user}\",\"number\":{number},\"turn\":{turn},\"level_of_all\":{},\"tenant\":\"t{}\",\"shard\":{shard},\"node\":{node},\"memory\":{memory}",
            self.level, self.tenant
        );
        shop.says(request, "request started", &members);
        shop.says(
            request,
            &format!("order {number} of user{user}: article {article}, {amount} pieces, took {took}ms"),
            "",
        );
        if article % 3 == 0 {
            shop.says(request, &format!("cache of shard {shard} is at {memory}kB after {turn} requests"), "");
        }
        self.deaths += u64::from(is_due);
        is_due
    }
}

/// Many services in which values have nothing to do with who dies: no claim may be made.
#[test]
fn nothing_is_found_where_nothing_separates() {
    let mut compared = 0;
    for seed in 0..120 {
        let mut habits = Habits::new(seed);
        let service = Service::new(seed, 1 + seed % 5).run(600, |shop, request| {
            let is_due = shop.random.below(habits.rarity) == 0;
            habits.answer(shop, request, is_due)
        });
        let scan = service.scan();
        compared += u64::from(scan.separations.is_some());
        assert_eq!(found(&scan), "", "seed {seed}: {} deaths", habits.deaths);
    }
    assert!(compared > 80, "{compared}");
}

/// Processes that die one behind the other, at about the same age, or each at its start.
#[test]
fn nothing_is_found_in_what_changes_with_time() {
    for seed in 0..100 {
        let (mut habits, mut since) = (Habits::new(seed), 0);
        let service = Service::new(seed, 1 + seed / 5 % 4).run(600, |shop, request| {
            since += 1;
            let is_due = match seed % 5 {
                // At an age, near to it, soon, and all of them within a short time; at once, beside two that stay.
                0 => request.turn >= 20,
                1 => request.turn >= 18 + shop.random.below(5),
                2 => request.turn < 3 && shop.random.below(3) == 0,
                3 => request.worker > 1 && request.number > 200 && shop.random.below(3) == 0,
                _ => (300..340).contains(&since) && shop.random.below(2) == 0,
            };
            habits.answer(shop, request, is_due)
        });
        let scan = service.scan();
        assert_eq!(found(&scan), "", "seed {seed}: {} deaths", habits.deaths);
    }
}

#[test]
fn too_few_deaths_are_not_compared() {
    let service = |deaths: u64| {
        Service::new(5, 2).run(400, |shop, request| {
            let is_due = request.number % 50 == 49 && request.number / 50 < deaths;
            let article = if is_due { 999 } else { shop.random.below(900) };
            shop.says(request, "took", &format!("\"article\":{article}"));
            is_due
        })
    };
    assert_eq!(service(3).scan().separations, None);
    let scan = service(4).scan();
    assert!(
        title(&scan).starts_with("All 4 processes that died of SIGSEGV said last \"took\" with article"),
        "{}",
        title(&scan)
    );
}
