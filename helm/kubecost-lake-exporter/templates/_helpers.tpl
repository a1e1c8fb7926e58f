{{/* The chart's name. */}}
{{- define "exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of objects. A CronJob's name has at most 52 characters, since the names of its jobs are derived from it. */}}
{{- define "exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "exporter.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "exporter.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that select the exporter's pods. */}}
{{- define "exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of all objects. */}}
{{- define "exporter.labels" -}}
{{ include "exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The service account's name. */}}
{{- define "exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: set the name of an existing service account, since serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image, by digest or tag. */}}
{{- define "exporter.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What the time of the schedule is computed from: the ARN of the cluster, or of the first one. */}}
{{- define "exporter.place" -}}
{{- default (get (default dict (first .Values.clusters)) "arn") .Values.clusterArn -}}
{{- end -}}

{{/*
The schedule. Without one, a minute that is the same for a cluster and different for most others: half an hour to two hours after yesterday is complete,
and not within half an hour of the audits, which start at 03:00, 09:00, 15:00 and 21:00 UTC by default.
*/}}
{{- define "exporter.schedule" -}}
{{- if .Values.schedule -}}
{{- .Values.schedule -}}
{{- else -}}
{{- $first := add (mul (int .Values.source.settleHours) 60) 30 -}}
{{- $time := add $first (mod (sha256sum (include "exporter.place" .) | adler32sum) 90) -}}
{{- $afterAudit := mod (add $time 180) 360 -}}
{{- if or (lt (int $afterAudit) 30) (ge (int $afterAudit) 330) -}}
{{- $time = add $time 60 -}}
{{- end -}}
{{- $minute := mod $time 1440 -}}
{{- printf "%d %d * * *" (mod $minute 60) (div $minute 60) -}}
{{- end -}}
{{- end -}}

{{/* A security context. Numbers of values are floating-point numbers, which YAML writes with an exponent if they are large. */}}
{{- define "exporter.securityContext" -}}
{{- range $field, $value := . }}
{{- if kindIs "float64" $value }}
{{ $field }}: {{ int64 $value }}
{{- else }}
{{ dict $field $value | toYaml }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Checks that a schema cannot express: values that require or exclude each other. Reports all faults together. */}}
{{- define "exporter.check" -}}
{{- $faults := list -}}
{{- if and .Values.clusters .Values.clusterArn -}}
{{- $faults = append $faults "clusters: set either clusterArn or clusters" -}}
{{- end -}}
{{- if not (or .Values.clusters .Values.clusterArn) -}}
{{- $faults = append $faults "clusterArn: set the ARN of the cluster or, for a source that many clusters send their costs to, clusters" -}}
{{- end -}}
{{- if and .Values.clusters (or .Values.source.filter .Values.source.clusterIds) -}}
{{- $faults = append $faults "source.filter, source.clusterIds: remove them, since clusters says whose rows go where" -}}
{{- end -}}
{{- if and (eq .Values.source.kind "opencost") (eq (print .Values.source.backfillPeriodDays) "all") -}}
{{- $faults = append $faults "source.backfillPeriodDays: an OpenCost cannot be queried for all days: set the number of days that its Prometheus or its collector keeps" -}}
{{- end -}}
{{- $ca := .Values.source.tls.ca -}}
{{- $places := 0 -}}
{{- range list $ca.configMap.name $ca.secret.name $ca.secretsManager.name -}}
{{- if . -}}{{- $places = add1 $places -}}{{- end -}}
{{- end -}}
{{- if gt (int $places) 1 -}}
{{- $faults = append $faults "source.tls.ca: set only one of configMap, secret and secretsManager" -}}
{{- end -}}
{{- if and $ca.secretsManager.name (not $ca.secretsManager.region) -}}
{{- $faults = append $faults "source.tls.ca.secretsManager.region: set the region of the secret" -}}
{{- end -}}
{{- if and (gt (int $places) 0) (not (hasPrefix "https://" .Values.source.url)) -}}
{{- $faults = append $faults "source.url: a private CA requires an https:// URL" -}}
{{- end -}}
{{- $authentication := .Values.source.authentication -}}
{{- if and (ne $authentication.scheme "none") (not $authentication.secret.name) -}}
{{- $faults = append $faults (printf "source.authentication.secret.name: set the name of the secret for scheme %s" $authentication.scheme) -}}
{{- end -}}
{{- if and (eq $authentication.scheme "none") $authentication.secret.name -}}
{{- $faults = append $faults "source.authentication.scheme: set bearer, basic or x-api-key to use the secret" -}}
{{- end -}}
{{- $prefixes := .Values.bucket.prefixes -}}
{{- if or (hasPrefix $prefixes.staging $prefixes.plans) (hasPrefix $prefixes.plans $prefixes.staging) -}}
{{- $faults = append $faults "bucket.prefixes: staging and plans must not contain each other" -}}
{{- end -}}
{{- if and (not .Values.schedule) (not (regexMatch "^(Etc/)?UTC$" .Values.timeZone)) -}}
{{- $faults = append $faults "timeZone: set schedule as well, since the computed one is in UTC" -}}
{{- end -}}
{{- $own := list -}}
{{- range include "exporter.environment" . | fromYamlArray -}}{{- $own = append $own .name -}}{{- end -}}
{{- range .Values.extraEnv -}}
{{- if has .name $own -}}
{{- $faults = append $faults (printf "extraEnv: %s is set by a value of the chart" .name) -}}
{{- end -}}
{{- end -}}
{{- $proxy := .Values.proxy -}}
{{- if and $proxy.noProxy (not (or $proxy.httpsProxy $proxy.httpProxy)) -}}
{{- $faults = append $faults "proxy.noProxy: set proxy.httpsProxy or proxy.httpProxy as well" -}}
{{- end -}}
{{- if $faults -}}
{{- fail (printf "\n- %s" (join "\n- " $faults)) -}}
{{- end -}}
{{- end -}}

{{/* The exporter's settings. Empty ones are omitted, so that the exporter's defaults apply. */}}
{{- define "exporter.environment" -}}
{{- $source := .Values.source -}}
{{- $settings := list
  (list "S3_BUCKET_NAME" .Values.bucket.name)
  (list "S3_BUCKET_REGION" .Values.bucket.region)
  (list "S3_BUCKET_OWNER" .Values.bucket.owner)
  (list "KMS_KEY_ARN" .Values.bucket.kmsKeyArn)
  (list "STAGING_PREFIX" .Values.bucket.prefixes.staging)
  (list "PLANS_PREFIX" .Values.bucket.prefixes.plans)
  (list "CLUSTER_ID" .Values.clusterArn)
  (list "SOURCE_CLUSTERS_FILE" (and .Values.clusters "/etc/kubecost-lake/clusters/clusters"))
  (list "IRSA_PARENT_IAM_ROLE_ARN" .Values.parentRoleArn)
  (list "KUBECOST_API_ENDPOINT" $source.url)
  (list "SOURCE_KIND" $source.kind)
  (list "AGGREGATION" $source.aggregation)
  (list "SOURCE_FILTER" $source.filter)
  (list "SOURCE_CLUSTER_IDS" (join "," $source.clusterIds))
  (list "SOURCE_IDLE" (print $source.idle))
  (list "REDACTED_LABELS" (join "," $source.redaction.labels))
  (list "REDACTED_ANNOTATIONS" (join "," $source.redaction.annotations))
  (list "KEPT_LABELS" (join "," $source.redaction.keptLabels))
  (list "KEPT_ANNOTATIONS" (join "," $source.redaction.keptAnnotations))
  (list "SOURCE_CURRENCY" $source.currency)
  (list "BACKFILL_PERIOD_DAYS" (print $source.backfillPeriodDays))
  (list "SETTLE_HOURS" (print (int $source.settleHours)))
  (list "PAGE_SIZE" (int $source.pageSize))
  (list "SOURCE_CONCURRENCY" (int $source.concurrency))
  (list "RETRIES" (print (int $source.retries)))
  (list "CONNECTION_TIMEOUT" $source.timeouts.connect)
  (list "KUBECOST_ALLOCATION_API_READ_TIMEOUT" $source.timeouts.allocationRead)
  (list "KUBECOST_ASSETS_API_READ_TIMEOUT" $source.timeouts.assetsRead)
  (list "TLS_VERIFY" (print $source.tls.verify))
  (list "KUBECOST_CA_CERTIFICATE_SECRET_NAME" $source.tls.ca.secretsManager.name)
  (list "KUBECOST_CA_CERTIFICATE_SECRET_REGION" $source.tls.ca.secretsManager.region)
  (list "CA_CERTIFICATE_FILE" (and (or $source.tls.ca.configMap.name $source.tls.ca.secret.name) "/etc/kubecost-lake/ca/ca.crt"))
  (list "SOURCE_AUTHENTICATION" (and (ne $source.authentication.scheme "none") $source.authentication.scheme))
  (list "SOURCE_AUTHENTICATION_FILE" (and (ne $source.authentication.scheme "none") "/etc/kubecost-lake/authentication/value"))
  (list "HTTPS_PROXY" .Values.proxy.httpsProxy)
  (list "HTTP_PROXY" .Values.proxy.httpProxy)
  (list "NO_PROXY" .Values.proxy.noProxy)
  (list "PLAN_WAIT_SECONDS" (print (int .Values.plan.waitSeconds)))
  (list "RUN_DEADLINE_SECONDS" (print (max (div (int .Values.activeDeadlineSeconds) 2) (sub (int .Values.activeDeadlineSeconds) 60))))
  (list "LOG_FORMAT" .Values.log.format)
  (list "LOG_LEVEL" .Values.log.level)
-}}
{{- range $settings }}
{{- if last . }}
- name: {{ first . }}
  value: {{ last . | toString | quote }}
{{- end }}
{{- end }}
{{- end -}}
