//! The connection of a function with the Lambda runtime.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{BoxError, Function, HandleError, handle};

/// How long before its timeout a function stops: so that its log says why, and its process is not killed.
const MARGIN: Duration = Duration::from_secs(2);

/// What Lambda's console, destinations and metrics show of a failure.
impl From<HandleError> for Diagnostic {
    fn from(error: HandleError) -> Self {
        let error_type = match error {
            HandleError::Event(_) => "Event",
            HandleError::Objects { .. } => "Objects",
            HandleError::Removal(_) => "Removal",
            HandleError::Schedule(_) => "Schedule",
            HandleError::OutOfTime { .. } => "OutOfTime",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// Serves a function to the Lambda runtime until the runtime ends it.
///
/// # Errors
/// When the runtime's API cannot be reached.
pub async fn serve(function: impl Function + 'static) -> Result<(), BoxError> {
    let function = Arc::new(function);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = Arc::clone(&function);
        async move {
            handle_in_time(&*function, &event).await.map_err(|error| {
                tracing::error!(function = function.name(), %error, "event failed: Lambda will deliver it again");
                Diagnostic::from(error)
            })
        }
    }))
    .await
}

/// Handles an event, at most until shortly before the function's timeout.
async fn handle_in_time(function: &dyn Function, event: &LambdaEvent<Value>) -> Result<(), HandleError> {
    let began = Instant::now();
    let left = event.context.deadline().duration_since(SystemTime::now());
    let left = left.unwrap_or_default().saturating_sub(MARGIN);
    match timeout(left, handle(function, &event.payload)).await {
        Ok(handled) => handled,
        Err(_) => Err(HandleError::OutOfTime {
            seconds: began.elapsed().as_secs_f64(),
        }),
    }
}
