"""Starts ministack, which is taught that a token's audience may be a list of one: Kubernetes writes it so, and AWS takes it."""

from ministack import app
from ministack.services import cognito

decoded = cognito._decode_id_token_unverified


def with_one_audience(token):
    claims = decoded(token)
    match claims.get("aud"):
        case [audience]:
            return {**claims, "aud": audience}
    return claims


cognito._decode_id_token_unverified = with_one_audience

if __name__ == "__main__":
    app.main()
