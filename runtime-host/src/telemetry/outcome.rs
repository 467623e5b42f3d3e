//! How an invocation ended.

/// The outcomes of Workers' tail events, as logs and metrics name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Ok,
    /// The handler threw, or will never produce a response.
    Exception,
    ExceededCpu,
    ExceededMemory,
    ExceededWallTime,
    /// The client went away before the response began.
    Canceled,
    ScriptNotFound,
    /// The host refused the work for lack of capacity.
    LoadShed,
    /// The client went away while the response was being sent.
    ResponseStreamDisconnected,
    InternalError,
    /// The host does not run the Worker for a while: it crashed the process repeatedly.
    Quarantined,
    /// More requests than the Worker may have per second. Not one of Workers' outcomes: there such a
    /// request reaches no Worker. The same goes for the two below.
    RateLimited,
    /// The request's URL is longer than the Worker may see.
    UrlTooLong,
    /// The request's headers are larger than the Worker may see.
    HeadersTooLarge,
    /// The request had gone through too many Workers already. Not one of Workers' own outcomes.
    LoopDetected,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 15] = [
        Self::Ok,
        Self::Exception,
        Self::ExceededCpu,
        Self::ExceededMemory,
        Self::ExceededWallTime,
        Self::Canceled,
        Self::ScriptNotFound,
        Self::LoadShed,
        Self::ResponseStreamDisconnected,
        Self::InternalError,
        Self::Quarantined,
        Self::RateLimited,
        Self::UrlTooLong,
        Self::HeadersTooLarge,
        Self::LoopDetected,
    ];

    /// Whether the host failed, and not the Worker or its client: what an exchange that fails open
    /// survives.
    pub const fn is_of_the_host(self) -> bool {
        matches!(
            self,
            Self::ScriptNotFound | Self::LoadShed | Self::InternalError | Self::Quarantined
        )
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExceededCpu => "exceededCpu",
            Self::ExceededMemory => "exceededMemory",
            Self::ExceededWallTime => "exceededWallTime",
            Self::Canceled => "canceled",
            Self::ScriptNotFound => "scriptNotFound",
            Self::LoadShed => "loadShed",
            Self::ResponseStreamDisconnected => "responseStreamDisconnected",
            Self::InternalError => "internalError",
            Self::Quarantined => "quarantined",
            Self::RateLimited => "rateLimited",
            Self::UrlTooLong => "urlTooLong",
            Self::HeadersTooLarge => "headersTooLarge",
            Self::LoopDetected => "loopDetected",
        }
    }
}
