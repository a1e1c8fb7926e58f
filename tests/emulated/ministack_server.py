"""Starts ministack with support for a token's audience as a list of one, which Kubernetes writes and AWS accepts."""

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
