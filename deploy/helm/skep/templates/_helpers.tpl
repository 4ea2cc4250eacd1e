{{- define "skep.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The release's name alone where it says skep already. */}}
{{- define "skep.fullname" -}}
{{- $name := include "skep.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "skep.selector" -}}
app.kubernetes.io/name: {{ include "skep.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "skep.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: skep
{{ include "skep.selector" . }}
{{- end }}

{{- /* A text, or a whole number as it was written: what a file of values says is a float, which would become 2e+06. */}}
{{- define "skep.word" -}}
{{- if kindIs "string" . }}{{ . }}{{ else if not (kindIs "invalid" .) }}{{ int64 . }}{{ end }}
{{- end }}

{{- define "skep.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- $tag := include "skep.word" $image.tag }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $tag) }}
{{- end }}
{{- end }}

{{- /* The ConfigMap of the policy. */}}
{{- define "skep.policy" -}}
{{- default (printf "%s-policy" (include "skep.fullname" .)) .Values.policy.existingConfigMap }}
{{- end }}

{{- /* The list that skep run reads. */}}
{{- define "skep.list" -}}
name: {{ include "skep.fullname" . }}
probes:
{{ toYaml .Values.probes }}
{{- end }}
