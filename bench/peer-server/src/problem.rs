//! Every "no", as RFC 9457 JSON.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorbuster_wire::problem::{ProblemBody, ProblemKind};

/// A "no" on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: String,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl From<anyhow::Error> for Problem {
    /// The store did not answer. The cause goes to the log.
    fn from(cause: anyhow::Error) -> Self {
        eprintln!("{cause:#}");
        let detail = "Send the same request again, with the same Idempotency-Key.";
        Self::new(ProblemKind::Unavailable, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, detail } = self;
        let body = ProblemBody {
            kind: kind.type_address(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail,
            retryable: kind.retryable(),
            errors: Vec::new(),
        };
        let media_type = HeaderValue::from_static("application/problem+json");
        let status = StatusCode::from_u16(kind.status()).unwrap_or_default();
        let text = serde_json::to_string(&body).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, media_type)], text).into_response()
    }
}
