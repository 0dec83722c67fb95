{{- /* The arguments that stand for values which differ from the operator's own defaults. */ -}}
{{- define "plimsoll.optionalArgs" -}}
{{- if not .Values.persistence.enabled }}
- --store-ephemeral
{{- end }}
{{- with .Values.reportRetention }}
- --report-retention={{ . }}
{{- end }}
{{- with .Values.reportRate }}
- --report-rate={{ int . }}
{{- end }}
{{- with .Values.scan.concurrency }}
- --scan-concurrency={{ int . }}
{{- end }}
{{- with .Values.remediation.clusterName }}
- --cluster-name={{ . }}
{{- end }}
{{- with .Values.remediation.baseInterval }}
- --base-interval={{ . }}
{{- end }}
{{- with .Values.remediation.forgeInterval }}
- --forge-interval={{ . }}
{{- end }}
{{- with .Values.remediation.argoCDNamespaces }}
- --argocd-namespaces={{ join "," . }}
{{- end }}
{{- with .Values.logLevel }}
- --log-level={{ . }}
{{- end }}
{{- with .Values.database.sources }}
- --database-sources={{ join "," . }}
{{- end }}
{{- if .Values.database.allowRollback }}
- --allow-database-rollback
{{- end }}
{{- with .Values.database.maxBytes }}
- --database-max-bytes={{ int64 . }}
{{- end }}
{{- with .Values.javaDatabase.sources }}
- --java-database={{ join "," . }}
{{- end }}
{{- with .Values.registry.allowedAddresses }}
- --registry-allowed-addresses={{ join "," . }}
{{- end }}
{{- with .Values.registry.insecure }}
- --insecure-registries={{ join "," . }}
{{- end }}
{{- with .Values.registry.mirrors }}
- --registry-mirrors={{ join "," . }}
{{- end }}
{{- if .Values.registry.caConfigMap }}
- --registry-ca-file=/etc/plimsoll/registry-ca/ca.crt
{{- end }}
{{- with .Values.pullSecrets.namespaces }}
- --pull-secrets={{ join "," . }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
