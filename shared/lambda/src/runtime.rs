//! The connection of a function with the Lambda runtime.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::{BoxError, Function, HandleError, handle};

/// What Lambda's console, destinations and metrics show of a failure.
impl From<HandleError> for Diagnostic {
    fn from(error: HandleError) -> Self {
        let error_type = match error {
            HandleError::Event(_) => "Event",
            HandleError::Objects { .. } => "Objects",
            HandleError::Schedule(_) => "Schedule",
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
            handle(&*function, &event.payload).await.map_err(|error| {
                tracing::error!(function = function.name(), %error, "event failed: Lambda will deliver it again");
                Diagnostic::from(error)
            })
        }
    }))
    .await
}
