{{/* The template of a pod, for the CronJob and, with `args`, for the Job that checks. */}}
{{- define "exporter.pod" -}}
{{- $ca := .Values.source.tls.ca -}}
{{- $caFile := or $ca.configMap.name $ca.secret.name -}}
{{- $authentication := ne .Values.source.authentication.scheme "none" -}}
metadata:
  labels:
    {{- include "exporter.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "exporter.serviceAccountName" . }}
  # The exporter never calls the Kubernetes API. EKS projects the token for AWS regardless of this setting.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with .Values.dnsPolicy }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- include "exporter.securityContext" . | trim | nindent 4 }}
  {{- end }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: exporter
      image: {{ include "exporter.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      {{- with .args }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      env:
        {{- include "exporter.environment" . | trim | nindent 8 }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- include "exporter.securityContext" . | trim | nindent 8 }}
      {{- end }}
      {{- if or .Values.clusters $caFile $authentication .Values.extraVolumeMounts }}
      volumeMounts:
        {{- if .Values.clusters }}
        - name: clusters
          mountPath: /etc/kubecost-lake/clusters
          readOnly: true
        {{- end }}
        {{- if $caFile }}
        - name: ca
          mountPath: /etc/kubecost-lake/ca
          readOnly: true
        {{- end }}
        {{- if $authentication }}
        - name: authentication
          mountPath: /etc/kubecost-lake/authentication
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or .Values.clusters $caFile $authentication .Values.extraVolumes }}
  volumes:
    {{- if .Values.clusters }}
    - name: clusters
      configMap:
        name: {{ include "exporter.fullname" . }}-clusters
        items:
          - key: clusters
            path: clusters
    {{- end }}
    {{- if $ca.configMap.name }}
    - name: ca
      configMap:
        name: {{ $ca.configMap.name }}
        items:
          - key: {{ $ca.configMap.key }}
            path: ca.crt
    {{- else if $ca.secret.name }}
    - name: ca
      secret:
        secretName: {{ $ca.secret.name }}
        defaultMode: 0440
        items:
          - key: {{ $ca.secret.key }}
            path: ca.crt
    {{- end }}
    {{- if $authentication }}
    - name: authentication
      secret:
        secretName: {{ .Values.source.authentication.secret.name }}
        defaultMode: 0440
        items:
          - key: {{ .Values.source.authentication.secret.key }}
            path: value
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end -}}
