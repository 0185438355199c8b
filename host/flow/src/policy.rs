//! The policy in force on this member: follows the replicated policy epoch by epoch.

use std::sync::Arc;

use admission::{Engine, Policy, Shelf, TrustedKeys, Workshop};
use arc_swap::ArcSwap;
use consensus::{Preparation, blocking};
use seal::{DataKeyRecord, Keyring, Providers, prove};
use store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::{FlowError, MemberConfig, StartError};

/// The folder of the data directory that holds machine code of plugins.
const CODE_DIR: &str = "plugins";

/// The plugin engine of a member. Blocks for as long as reading a file does.
pub(crate) fn engine(config: &MemberConfig) -> Result<Engine, StartError> {
    let engine = match config.plugin_compiler.clone() {
        Some(program) => {
            let path = config.data_dir.join(CODE_DIR);
            let shelf = Shelf::open(&path).map_err(|source| StartError::File { path, source })?;
            Engine::with_workshop(Workshop { program, shelf })?
        }
        None => Engine::new()?,
    };
    Ok(match &config.plugin_trusted_keys {
        Some(path) => engine.trusting(TrustedKeys::open(path)?),
        None => engine,
    })
}

/// What of this member compiles components before the plugins that have them are in force, and unwraps data keys before they are.
pub(crate) struct Workbench {
    pub(crate) store: Store,
    pub(crate) engine: Arc<Engine>,
    pub(crate) cluster_id: u64,
    pub(crate) providers: Option<Arc<Providers>>,
}

impl Preparation for Workbench {
    fn prepare(&self, digest: &[u8], signature: &[u8]) -> Result<(), String> {
        let component =
            self.store.view(|view| view.component(digest)).map_err(|error: StoreError| error.to_string())?;
        let component = component.ok_or("the component is gone again; was another plugin changed meanwhile?")?;
        let prepared = self.engine.admit(&component, signature).and_then(|()| self.engine.prepare(&component));
        prepared.map_err(|error| error.to_string())
    }

    fn prove_key(&self, record: &[u8]) -> Result<(), String> {
        let Some(providers) = &self.providers else { return Ok(()) };
        let record = DataKeyRecord::decode(record).map_err(|error| error.to_string())?;
        prove(self.cluster_id, &record, providers).map_err(|error| error.to_string())
    }
}

/// Holds the policy of the newest epoch that this member has compiled and unwrapped.
pub(crate) struct PolicyKeeper {
    current: ArcSwap<Policy>,
    /// One reload at a time: the next finds the work done.
    reloading: Mutex<()>,
    source: Arc<Source>,
}

struct Source {
    store: Store,
    engine: Arc<Engine>,
    cluster_id: u64,
    providers: Option<Arc<Providers>>,
    /// Whether it starts also when data keys cannot be unwrapped, to have them recovered.
    recovering: bool,
}

impl PolicyKeeper {
    /// Loads the policy of the state.
    pub(crate) async fn load(
        store: Store,
        engine: Arc<Engine>,
        cluster_id: u64,
        providers: Option<Arc<Providers>>,
        recovering: bool,
    ) -> Result<Self, FlowError> {
        let source = Arc::new(Source { store, engine, cluster_id, providers, recovering });
        let policy = source.clone().load(None).await?;
        Ok(Self { current: ArcSwap::from_pointee(policy), reloading: Mutex::new(()), source })
    }

    pub(crate) fn current(&self) -> Arc<Policy> {
        self.current.load_full()
    }

    /// A policy at least as new as everything that was read from the state before this call: it opens whatever that was
    /// sealed with.
    pub(crate) async fn caught_up(&self) -> Result<Arc<Policy>, FlowError> {
        self.reach(self.source.store.policy_epoch()).await?;
        Ok(self.current())
    }

    /// The same for who cannot wait.
    pub(crate) fn caught_up_now(&self) -> Result<Arc<Policy>, FlowError> {
        let epoch = self.source.store.policy_epoch();
        if self.current.load().epoch() < epoch {
            let policy = Arc::new(blocking(|| self.source.read(Some(&self.current())))?);
            self.current.rcu(|current| if current.epoch() < policy.epoch() { &policy } else { current }.clone());
        }
        Ok(self.current())
    }

    pub(crate) fn engine(&self) -> EngineRef {
        EngineRef(self.source.clone())
    }

    /// What data keys are wrapped with here; nothing on a keyless member.
    pub(crate) fn providers(&self) -> Option<&Arc<Providers>> {
        self.source.providers.as_ref()
    }

    /// The data keys as the state holds them.
    pub(crate) fn records(&self) -> Result<Vec<DataKeyRecord>, StoreError> {
        self.source.store.view(|view| view.data_keys())
    }

    /// Whether every record is known to be as rules and data keys want it.
    pub(crate) fn is_settled(&self) -> Result<bool, StoreError> {
        self.source.store.view(|view| view.is_settled())
    }

    /// Tries again to unwrap what could not be unwrapped: its provider may be back. Returns whether something can be used now that could not.
    pub(crate) async fn unwrap_again(&self) -> Result<bool, FlowError> {
        let _one = self.reloading.lock().await;
        let current = self.current();
        let unopened = current.keyring().unopened().count();
        if unopened > 0 {
            self.current.store(Arc::new(self.source.clone().load(Some(current)).await?));
        }
        Ok(self.current().keyring().unopened().count() < unopened)
    }

    /// Returns once the policy of `epoch`, or of a later one, is in force here.
    pub(crate) async fn reach(&self, epoch: u64) -> Result<(), FlowError> {
        if self.current.load().epoch() >= epoch {
            return Ok(());
        }
        let _one = self.reloading.lock().await;
        if self.current.load().epoch() < epoch {
            let policy = self.source.clone().load(Some(self.current())).await?;
            tracing::info!(policy_epoch = policy.epoch(), plugins = policy.plugins().len(), "policy in force");
            self.current.store(Arc::new(policy));
        }
        Ok(())
    }
}

impl Source {
    /// Compiling plugins takes up to seconds, so it is done on a thread of its own.
    async fn load(self: Arc<Self>, previous: Option<Arc<Policy>>) -> Result<Policy, FlowError> {
        tokio::task::spawn_blocking(move || self.read(previous.as_deref())).await?
    }

    fn read(&self, previous: Option<&Policy>) -> Result<Policy, FlowError> {
        let (epoch, plugins, rules, keys) = self.store.view(|view| {
            let (rules, keys) = (view.seal_rules()?, view.data_keys()?);
            Ok::<_, StoreError>((view.policy_epoch()?, view.plugins()?, rules, keys))
        })?;
        let nothing = Keyring::empty(self.cluster_id);
        let previous = previous.map(|previous| previous.keyring().as_ref()).or(self.recovering.then_some(&nothing));
        let keyring = Keyring::open(self.cluster_id, &rules, &keys, self.providers.as_deref(), previous)?;
        let plugins = self.engine.load(&plugins, &|digest| self.store.view(|view| view.component(digest)));
        Ok(Policy::new(epoch, plugins, Arc::new(keyring), Arc::new(self.store.clone())))
    }
}

/// The plugin engine, for work on another thread.
pub(crate) struct EngineRef(Arc<Source>);

impl std::ops::Deref for EngineRef {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.0.engine
    }
}
