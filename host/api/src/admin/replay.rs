//! A replay, on its way to an administrator.

use std::pin::Pin;

use flow::{Hindsight, Objection, Replay, ReplayPiece};
use futures::{Stream, stream};
use proto::admin::{self, ReplayResponse, objection::Kind};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::ApiError;
use crate::request::unless_stopped;

/// Warnings become one message.
const BETWEEN_WARNINGS: &str = "; ";

pub(crate) type ReplayStream = Pin<Box<dyn Stream<Item = Result<ReplayResponse, Status>> + Send>>;

pub(super) fn stream(replay: Replay, shutdown: CancellationToken) -> ReplayStream {
    Box::pin(stream::try_unfold(Playing { replay, shutdown }, Playing::next))
}

struct Playing {
    replay: Replay,
    shutdown: CancellationToken,
}

impl Playing {
    async fn next(mut self) -> Result<Option<(ReplayResponse, Self)>, Status> {
        let piece = unless_stopped(&self.shutdown, self.replay.next()).await.map_err(ApiError::from)?;
        Ok(piece.map(|piece| (response(piece), self)))
    }
}

fn response(piece: ReplayPiece) -> ReplayResponse {
    let ReplayPiece { first_revision, revision, last_revision, reviewed, objections } = piece;
    let objections = objections.into_iter().map(objection).collect();
    ReplayResponse { first_revision, revision, last_revision, reviewed, objections }
}

fn objection(objection: Objection) -> admin::Objection {
    let Objection { revision, delete, key, hindsight } = objection;
    let (kind, code, message) = match hindsight {
        Hindsight::Denied { code, message } => (Kind::Denied, code, message),
        Hindsight::Failed(cause) => (Kind::Failed, String::new(), cause.to_string()),
        Hindsight::Passed { changed: true, warnings } => {
            (Kind::Changed, String::new(), warnings.join(BETWEEN_WARNINGS))
        }
        Hindsight::Passed { changed: false, warnings } => {
            (Kind::Warned, String::new(), warnings.join(BETWEEN_WARNINGS))
        }
    };
    let operation = if delete { "delete" } else { "put" }.to_owned();
    admin::Objection { revision, operation, key, kind: kind.into(), code, message }
}
