#!/usr/bin/env bash
# AWS CLI, for an API Gateway REST API that is there already for checkout: 1400/s, 700 at once from rest.
# Written by plimsoll export --to aws-cli.
# the form of this file is checked with shellcheck
# Why these numbers:
# - rate 1400/s: 20 % below the breaking load's lower bound of 1760/s
# - burst 700: 70 % of the 1000 at once that the target bore
# Mind:
# - no knee was measured, so the rate rests on the margin alone
# How this differs from a token bucket:
# - all APIs of the account in the Region share 10000/s with a burst of 5000 (--region-rate, --region-burst):
#   what others use is missing here
# - throttles and quotas are best effort: targets, not ceilings, kept by many nodes that tell one another late
# - there is no metric of 429s: they are counted from the access log, and Amazon says that entries may be
#   missing when there are very many, so the count is a lower bound
# - the gateway sends no Retry-After by itself; the gateway response adds a static one, which is never too
#   short for a client that is alone
# - a usage plan's throttle and quota are for each key in it: with many keys the limit of the stage is what
#   protects the service
# - who has spent a quota gets no Retry-After: no static value is true until its period turns
# Prove it: plimsoll verify URL --limit 1400/s --burst 700 --profile best-effort
#
# REST_API_ID=... STAGE=prod ./limits.sh sets the limits of a stage that is there already, and makes what is missing.
# Run again it makes the usage plans a second time: keep them in a template instead if they are to stay.
set -euo pipefail
: "${REST_API_ID:?the id of the REST API}" "${STAGE:?the name of its stage}"

# All methods of the stage. One of its own: path=/~1reports~1{id}/POST/throttling/rateLimit.
aws apigateway update-stage --rest-api-id "$REST_API_ID" --stage-name "$STAGE" --patch-operations \
  'op=replace,path=/*/*/throttling/rateLimit,value=1400' \
  'op=replace,path=/*/*/throttling/burstLimit,value=700' \
  'op=replace,path=/*/*/metrics/enabled,value=true'

aws apigateway put-gateway-response --rest-api-id "$REST_API_ID" --response-type THROTTLED --status-code 429 \
  --response-parameters '{"gatewayresponse.header.Retry-After":"'"'1'"'","gatewayresponse.header.X-RateLimit-Remaining":"'"'0'"'"}'
# No Retry-After for a spent quota: no static value is true until its period turns.
aws apigateway put-gateway-response --rest-api-id "$REST_API_ID" --response-type QUOTA_EXCEEDED --status-code 429 \
  --response-parameters '{"gatewayresponse.header.X-RateLimit-Remaining":"'"'0'"'"}'

aws apigateway create-usage-plan --name 'checkout basic' --api-stages "apiId=$REST_API_ID,stage=$STAGE" \
  --throttle 'rateLimit=350,burstLimit=175' --quota 'limit=1000000,period=DAY'

aws apigateway create-usage-plan --name 'checkout gold' --api-stages "apiId=$REST_API_ID,stage=$STAGE" \
  --throttle 'rateLimit=700,burstLimit=350'

# Gateway responses are served after the next deployment.
aws apigateway create-deployment --rest-api-id "$REST_API_ID" --stage-name "$STAGE"
