//! `strongroom plugin bench`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use admission::Sample;
use serde::Serialize;

use super::SettingsFile;
use crate::cli::client::{ClientError, read};
use crate::cli::table::{Format, Table, print};

/// Reviews before the first one that counts.
const WARM_UP: usize = 100;

/// `plugin bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// A WebAssembly component that implements the plugin contract
    file: PathBuf,
    #[command(flatten)]
    settings: SettingsFile,
    /// Key of the put that is reviewed again and again [default: a key under the first prefix that the plugin describes]
    #[arg(long)]
    key: Option<String>,
    /// File with the value that is put [default: 1 KiB of the letter a]
    #[arg(long, value_name = "FILE")]
    value: Option<PathBuf>,
    /// For how many seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Let an instance review again and again, rather than a fresh one each time
    #[arg(long)]
    reuse_instances: bool,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Serialize)]
struct Document {
    compile_ms: f64,
    reviews: usize,
    reviews_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    memory_kib: usize,
}

impl Bench {
    /// Reviews one put again and again on one thread, each in a fresh instance unless told otherwise, and prints how long that takes.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: also when the plugin fails.
    pub(crate) fn run(self) -> Result<(), ClientError> {
        let begun = Instant::now();
        let trial = super::try_out(&self.file, &self.settings.read()?)?;
        let trial = if self.reuse_instances { trial.reusing() } else { trial };
        let compile = begun.elapsed();
        let value = self.value.as_deref().map_or_else(|| Ok(vec![b'a'; 1024]), read)?;
        let key = match self.key {
            Some(key) => key.into_bytes(),
            None => [trial.description.prefixes.first().map_or(&[][..], Vec::as_slice), b"default/bench"].concat(),
        };
        let sample = Sample { key, value: Some(value.into()), lease: Some(0), ..Sample::default() };
        let (mut times, mut memory_bytes) = (Vec::new(), 0);
        let mut review = || {
            let begun = Instant::now();
            let told = trial.review(&sample).map_err(|cause| ClientError::ReviewFailed { cause })?;
            memory_bytes = told.memory_bytes.max(memory_bytes);
            Ok::<_, ClientError>(begun.elapsed())
        };
        for _ in 0..WARM_UP {
            review()?;
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            times.push(review()?);
        }
        let elapsed = begun.elapsed();
        times.sort_unstable();
        let at = |share: usize| micros(times[(times.len() - 1) * share / 100]);
        let document = Document {
            compile_ms: compile.as_secs_f64() * 1e3,
            reviews: times.len(),
            reviews_per_second: times.len() as f64 / elapsed.as_secs_f64(),
            p50_us: at(50),
            p99_us: at(99),
            max_us: at(100),
            memory_kib: memory_bytes.div_ceil(1024),
        };
        let mut table = Table::new(&["REVIEWS/S", "P50 US", "P99 US", "MAX US", "MEMORY KIB", "COMPILE MS"]);
        table.row(vec![
            format!("{:.0}", document.reviews_per_second),
            format!("{:.1}", document.p50_us),
            format!("{:.1}", document.p99_us),
            format!("{:.1}", document.max_us),
            document.memory_kib.to_string(),
            format!("{:.1}", document.compile_ms),
        ]);
        Ok(print(self.output, &document, &table)?)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
