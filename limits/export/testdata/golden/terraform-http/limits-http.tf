# Terraform for an API Gateway HTTP API for checkout: 1400/s, 700 at once from rest. Written by plimsoll
# export --to terraform-http.
# the form of this file is checked with HCL's parser and a list of the provider's attributes
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
# - an HTTP API has no gateway responses: Retry-After cannot be added
# - an HTTP API has no usage plans: the tiers are left out; a REST API has them
# Prove it: plimsoll verify URL --limit 1400/s --burst 700 --profile best-effort --expect no-retry-after
#
# For a stage that is there already: terraform import aws_apigatewayv2_stage.limits 'API_ID/$default'.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "api_id" {
  type = string
}

variable "api_name" {
  type        = string
  default     = "checkout"
  description = "what alarms and logs call the API"
}

variable "stage_name" {
  type    = string
  default = "$default"
}

variable "alert_email" {
  type        = string
  default     = ""
  description = "who is told of alarms; empty for nobody"
}

variable "latency_goal_ms" {
  type        = number
  default     = 250
  description = "bound on the p99 of the service"
}

variable "throttled_percent" {
  type        = number
  default     = 2
  description = "share of refused requests that is worth an alarm"
}

# All routes. One of its own: a route_settings block with its route_key.
resource "aws_apigatewayv2_stage" "limits" {
  api_id      = var.api_id
  name        = var.stage_name
  auto_deploy = true
  default_route_settings {
    throttling_rate_limit    = 1400
    throttling_burst_limit   = 700
    detailed_metrics_enabled = true
  }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format = jsonencode({
      requestId          = "$context.requestId"
      time               = "$context.requestTimeEpoch"
      method             = "$context.httpMethod"
      path               = "$context.routeKey"
      status             = "$context.status"
      latency            = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
    })
  }
}

locals {
  dimensions = { ApiId = var.api_id, Stage = var.stage_name }
}

# Logs, topics and dashboards bear no dots and spaces in their names.
locals {
  plain_name = replace(var.api_name, "/[^A-Za-z0-9_-]/", "-")
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${local.plain_name}/access"
  retention_in_days = 30
}

# Requests in the access log, and those of them that were refused. A filter with dimensions could not count zero.
resource "aws_cloudwatch_log_metric_filter" "throttled" {
  name           = "${var.api_name}-throttled"
  log_group_name = aws_cloudwatch_log_group.access.name
  pattern        = "{ $.status = \"429\" }"
  metric_transformation {
    namespace     = "plimsoll/${var.api_name}"
    name          = "Throttled"
    value         = "1"
    default_value = 0
    unit          = "Count"
  }
}

resource "aws_cloudwatch_log_metric_filter" "logged" {
  name           = "${var.api_name}-logged"
  log_group_name = aws_cloudwatch_log_group.access.name
  pattern        = ""
  metric_transformation {
    namespace     = "plimsoll/${var.api_name}"
    name          = "Logged"
    value         = "1"
    default_value = 0
    unit          = "Count"
  }
}

resource "aws_sns_topic" "alerts" {
  name = "${local.plain_name}-limits"
}

resource "aws_sns_topic_subscription" "mail" {
  count     = var.alert_email == "" ? 0 : 1
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

resource "aws_cloudwatch_metric_alarm" "throttle_share" {
  alarm_name          = "${var.api_name}-throttle-share"
  alarm_description   = "more requests were refused than is usual, for 4 of 5 minutes"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.throttled_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 4
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  metric_query {
    id          = "share"
    expression  = "IF(all > 0, 100 * throttled / all, 0)"
    label       = "refused in percent"
    return_data = true
  }
  metric_query {
    id = "throttled"
    metric {
      namespace   = "plimsoll/${var.api_name}"
      metric_name = "Throttled"
      stat        = "Sum"
      period      = 60
    }
  }
  metric_query {
    id = "all"
    metric {
      namespace   = "AWS/ApiGateway"
      metric_name = "Count"
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 60
    }
  }
}

# The integration's latency, not the gateway's: refusals are fast, and would hide a slow service.
resource "aws_cloudwatch_metric_alarm" "backend_p99" {
  alarm_name                            = "${var.api_name}-backend-p99"
  alarm_description                     = "the p99 of the service is above its goal"
  namespace                             = "AWS/ApiGateway"
  metric_name                           = "IntegrationLatency"
  extended_statistic                    = "p99"
  dimensions                            = local.dimensions
  comparison_operator                   = "GreaterThanThreshold"
  threshold                             = var.latency_goal_ms
  period                                = 60
  evaluation_periods                    = 5
  datapoints_to_alarm                   = 3
  evaluate_low_sample_count_percentiles = "ignore"
  treat_missing_data                    = "notBreaching"
  alarm_actions                         = [aws_sns_topic.alerts.arn]
  ok_actions                            = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name          = "${var.api_name}-server-errors"
  alarm_description   = "more than 1 % of the requests end in a 5xx"
  namespace           = "AWS/ApiGateway"
  metric_name         = "5xx"
  statistic           = "Average"
  dimensions          = local.dimensions
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.01
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_composite_alarm" "limit_too_high" {
  alarm_name        = "${var.api_name}-limit-too-high"
  alarm_description = "the service is slow although requests are refused, so the limit is above what it bears"
  alarm_rule        = "ALARM(\"${aws_cloudwatch_metric_alarm.backend_p99.alarm_name}\") AND ALARM(\"${aws_cloudwatch_metric_alarm.throttle_share.alarm_name}\")"
  alarm_actions     = [aws_sns_topic.alerts.arn]
}

# Who watches the watch: requests arrive, but the log that refusals are counted from says nothing. No refusals at all are a
# quiet day, and no fault.
resource "aws_cloudwatch_metric_alarm" "limiter_silent" {
  alarm_name                = "${var.api_name}-limiter-silent"
  alarm_description         = "the gateway counts requests, and its access log does not"
  comparison_operator       = "GreaterThanThreshold"
  threshold                 = 0
  evaluation_periods        = 3
  treat_missing_data        = "breaching"
  alarm_actions             = [aws_sns_topic.alerts.arn]
  insufficient_data_actions = [aws_sns_topic.alerts.arn]
  metric_query {
    id          = "silent"
    expression  = "IF(FILL(all, 0) > 60 AND FILL(logged, 0) == 0, 1, 0)"
    label       = "the log is silent"
    return_data = true
  }
  metric_query {
    id = "logged"
    metric {
      namespace   = "plimsoll/${var.api_name}"
      metric_name = "Logged"
      stat        = "Sum"
      period      = 300
    }
  }
  metric_query {
    id = "all"
    metric {
      namespace   = "AWS/ApiGateway"
      metric_name = "Count"
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 300
    }
  }
}

data "aws_region" "current" {}

resource "aws_cloudwatch_dashboard" "limits" {
  dashboard_name = "${local.plain_name}-limits"
  dashboard_body = jsonencode({
    widgets = [
      { type = "metric", x = 0, y = 0, width = 12, height = 6, properties = {
        title = "requests and refusals a minute", region = data.aws_region.current.name, stat = "Sum", period = 60,
        metrics = [
          concat(["AWS/ApiGateway", "Count"], flatten([for k, v in local.dimensions : [k, v]])),
          ["plimsoll/${var.api_name}", "Throttled"],
        ],
        annotations = { horizontal = [{ label = "limit", value = 84000 }] }
      } },
      { type = "metric", x = 12, y = 0, width = 12, height = 6, properties = {
        title       = "p99 of the service in ms"
        region      = data.aws_region.current.name
        stat        = "p99"
        period      = 60
        metrics     = [concat(["AWS/ApiGateway", "IntegrationLatency"], flatten([for k, v in local.dimensions : [k, v]]))]
        annotations = { horizontal = [{ label = "goal", value = var.latency_goal_ms }] }
      } },
    ]
  })
}
