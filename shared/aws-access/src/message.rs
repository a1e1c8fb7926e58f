//! What went wrong in a call of AWS, for people.

use std::error::Error;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// One line about a failed call: the service's code and message where it answered, else the causes from the outermost to the innermost,
/// each once. Never the request or the answer themselves, as the SDK's own display of errors has them: they hold headers.
pub fn message<E: Error + ProvideErrorMetadata>(error: &E) -> String {
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{code}: {message}");
    }
    let mut causes: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        metadata: ErrorMetadata,
        source: Option<Box<Failure>>,
    }

    impl ProvideErrorMetadata for Failure {
        fn meta(&self) -> &ErrorMetadata {
            &self.metadata
        }
    }

    fn failure(text: &'static str, source: Option<Failure>) -> Failure {
        Failure {
            text,
            metadata: ErrorMetadata::builder().build(),
            source: source.map(Box::new),
        }
    }

    #[test]
    fn an_answer_is_told_by_code_and_message() {
        let mut refused = failure("service error", None);
        refused.metadata = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("not authorized")
            .build();
        assert_eq!(message(&refused), "AccessDenied: not authorized");
    }

    #[test]
    fn without_an_answer_each_cause_is_told_once() {
        let inner = failure("dispatch failure", Some(failure("no such file", None)));
        let outer = failure(
            "dispatch failure",
            Some(failure("no credentials", Some(inner))),
        );
        assert_eq!(
            message(&outer),
            "dispatch failure: no credentials: no such file"
        );
    }
}
