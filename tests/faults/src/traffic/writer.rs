//! A client that reads and writes.

use std::{sync::Arc, time::Duration};

use harness::Random;

use super::field::{Field, below};
use crate::verdict::call::{Answer, Guard, Operation, Outcome, Record, Span, Step, Told};

/// Keys under each prefix. Few, so that clients meet.
const KEYS: usize = 5;

/// Longest pause between two calls.
const PAUSE_MS_MAX: u64 = 8;

/// Pause after a call that failed: the member may be gone.
const AFTER_FAILURE: Duration = Duration::from_millis(60);

/// One value of so many is long, so that files fill and roll.
const LONG_VALUE_ONE_IN: u64 = 12;
const LONG_VALUE_BYTES: usize = 8 * 1024;

/// Works until told to stop.
pub(super) async fn work(field: Arc<Field>, number: usize, random: Random) {
    let mut writer = Writer { field, number, random, member: 0, words: 0 };
    writer.member = below(&mut writer.random, writer.field.members());
    while !writer.field.is_stopped() {
        writer.once().await;
        let pause = Duration::from_millis(writer.random.below(PAUSE_MS_MAX));
        writer.field.pause(pause).await;
    }
}

struct Writer {
    field: Arc<Field>,
    number: usize,
    random: Random,
    /// Whom it talks to, until that one fails it.
    member: usize,
    words: u64,
}

impl Writer {
    async fn once(&mut self) {
        match self.random.below(100) {
            0..20 => self.put().await,
            20..37 => self.get(false).await,
            37..42 => self.get(true).await,
            42..46 => self.list().await,
            46..66 => self.swap().await,
            66..79 => self.several().await,
            79..85 => self.delete().await,
            _ => self.guarded().await,
        }
    }

    async fn ask(&mut self, operation: Operation) -> Option<Answer> {
        match self.field.ask(self.number, self.member, operation).await {
            Outcome::Answered(_, answer) => Some(answer),
            // Forbidden, or nobody there.
            Outcome::Refused | Outcome::Unknown => {
                self.member = below(&mut self.random, self.field.members());
                self.field.pause(AFTER_FAILURE).await;
                None
            }
        }
    }

    async fn put(&mut self) {
        let key = self.key();
        let step = self.put_to(key);
        self.ask(Operation::single(step)).await;
    }

    async fn get(&mut self, serializable: bool) {
        let get = Operation::single(Step::Get(Span::key(&self.key())));
        self.ask(Operation { serializable, ..get }).await;
    }

    async fn list(&mut self) {
        let span = Span::prefix(&self.prefix());
        self.ask(Operation::single(Step::Get(span))).await;
    }

    /// Compare-and-swap: reads a key and changes it if nobody else did meanwhile, else reads it again.
    async fn swap(&mut self) {
        let span = Span::key(&self.key());
        let Some(answer) = self.ask(Operation::single(Step::Get(span.clone()))).await else { return };
        let old = first(&answer);
        let guard = Guard {
            key: span.from.clone(),
            mod_revision: old.map_or(0, |old| old.mod_revision),
            value: old.map(|old| old.value.clone()),
        };
        let step = self.put_to(span.from.clone());
        let swap = Operation { guards: vec![guard], failure: vec![Step::Get(span)], ..Operation::single(step) };
        self.ask(swap).await;
    }

    /// Several keys at once: readers and watchers must see all of it or nothing.
    async fn several(&mut self) {
        let prefix = self.prefix();
        let skipped = below(&mut self.random, KEYS);
        let keys = (0..KEYS).filter(|key| *key != skipped).map(|key| format!("{prefix}{key}"));
        let mut steps: Vec<_> = keys.collect::<Vec<_>>().into_iter().map(|key| self.put_to(key)).collect();
        if self.random.below(3) == 0 {
            steps.insert(0, Step::Delete(Span::key(&format!("{prefix}{skipped}"))));
        }
        steps.push(Step::Get(Span::prefix(&prefix)));
        self.ask(Operation::all(steps)).await;
    }

    async fn delete(&mut self) {
        let span = match self.random.below(4) {
            0 => Span::prefix(&self.prefix()),
            _ => Span::key(&self.key()),
        };
        self.ask(Operation::single(Step::Delete(span))).await;
    }

    /// A write that a plugin may forbid.
    async fn guarded(&mut self) {
        let key = format!("{}{}", self.field.guarded(), below(&mut self.random, KEYS));
        let step = self.put_to(key);
        self.ask(Operation::single(step)).await;
    }

    fn prefix(&mut self) -> String {
        if self.random.below(4) == 0 { self.field.sealed() } else { self.field.registers() }
    }

    fn key(&mut self) -> String {
        let prefix = self.prefix();
        format!("{prefix}{}", below(&mut self.random, KEYS))
    }

    /// A put of a value that nobody else writes, ever.
    fn put_to(&mut self, key: String) -> Step {
        self.words += 1;
        let mut value = format!("{}-{}-{}", self.field.round, self.number, self.words);
        if key.starts_with(super::field::SEALED) {
            value = format!("{value}-{}", self.field.canary);
        }
        if self.random.below(LONG_VALUE_ONE_IN) == 0 {
            value = format!("{value}-{}", self.random.word(LONG_VALUE_BYTES));
        }
        Step::Put { key, value, lease: 0 }
    }
}

fn first(answer: &Answer) -> Option<&Record> {
    match answer.told.first() {
        Some(Told::Got(records)) => records.first(),
        _ => None,
    }
}

/// Every key that writers share.
pub(crate) fn keys(field: &Field) -> Vec<String> {
    let prefixes = [field.registers(), field.sealed(), field.guarded()];
    prefixes.iter().flat_map(|prefix| (0..KEYS).map(move |key| format!("{prefix}{key}"))).collect()
}
