package api

// A spec, and what the API server says to it: the field and the message of each fault, none if it takes it.
type specCase struct {
	spec string
	want []string
}

const signatureRefused = "spec.rules[0]: rules of type Signatures are not implemented in this version"

// policyCases hold for ImagePolicy and ClusterImagePolicy alike.
var policyCases = map[string]specCase{
	"empty":              {spec: `{}`},
	"all that is usable": {spec: usablePolicy},

	"enforcement Warn":   {`{enforcement: Warn}`, []string{`spec.enforcement: admission is not implemented in this version: only Audit can be used`}},
	"enforcement Deny":   {`{enforcement: Deny}`, []string{`spec.enforcement: admission is not implemented in this version: only Audit can be used`}},
	"enforceOn Always":   {`{enforceOn: Always}`, []string{`spec.enforceOn: admission is not implemented in this version: only NewImages can be used`}},
	"unknownImages Warn": {`{unknownImages: Warn}`, []string{`spec.unknownImages: admission is not implemented in this version: only Allow can be used`}},
	"unknownImages Deny": {`{unknownImages: Deny}`, []string{`spec.unknownImages: admission is not implemented in this version: only Allow can be used`}},
	"no vex":             {spec: `{vex: []}`},
	"vex":                {`{vex: [{configMapRef: {name: a, key: b}}]}`, []string{`spec.vex: vex is not implemented in this version`}},
	"remediation":        {spec: `{remediation: {}}`},
	"whole remediation":  {spec: wholeRemediation},
	"proposals without a forge": {`{remediation: {updates: Propose}}`, []string{
		`spec.remediation: updates Propose needs forgeRef`,
	}},
	"a base without a tag":          {`{remediation: {bases: ["docker.io/library/debian"]}}`, []string{`spec.remediation.bases[0]: Invalid value: "docker.io/library/debian": spec.remediation.bases[0] in body should match '^[^\s*?]+:\S+$'`}},
	"a base of any repository":      {`{remediation: {bases: ["docker.io/library/*:12"]}}`, []string{`spec.remediation.bases[0]: Invalid value: "docker.io/library/*:12": spec.remediation.bases[0] in body should match '^[^\s*?]+:\S+$'`}},
	"majors that are no word":       {`{remediation: {majors: Always}}`, []string{`spec.remediation.majors: Unsupported value: "Always": supported values: "Never", "Allowed"`}},
	"a window that begins too late": {`{remediation: {schedule: {windows: [{start: "24:00", durationMinutes: 1}]}}}`, []string{`spec.remediation.schedule.windows[0].start: Invalid value: "24:00": spec.remediation.schedule.windows[0].start in body should match '^([01][0-9]|2[0-3]):[0-5][0-9]$'`}},

	"rules of one name": {`{rules: [` + countRule + `, ` + countRule + `]}`, []string{`spec.rules[1]: Duplicate value: {"name":"count"}`}},
	"rule name not a label": {`{rules: [{name: "No good", type: Vulnerabilities, vulnerabilities: {maxCount: 0}}]}`, []string{
		`spec.rules[0].name: Invalid value: "No good": spec.rules[0].name in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'`}},
	"rule without its member": {`{rules: [{name: a, type: Vulnerabilities}]}`, []string{`spec.rules[0]: vulnerabilities is set exactly where type is Vulnerabilities`}},

	"Registries":     {spec: ruleOf("Registries", "registries", `{allowed: ["x/**"], denied: [x/y]}`)},
	"Signatures":     {`{rules: [{name: a, type: Signatures, signatures: {key: {publicKey: x}}}]}`, []string{signatureRefused}},
	"Packages":       {spec: ruleOf("Packages", "packages", `{denied: [sudo], deniedKinds: [Netcat, Sudo, SSHServer, Compiler, PackageManager, Shell]}`)},
	"kinds alone":    {spec: ruleOf("Packages", "packages", `{deniedKinds: [Shell]}`)},
	"sources alone":  {spec: ruleOf("Packages", "packages", `{deniedSources: [openssh]}`)},
	"read-only":      {spec: ruleOf("Workload", "workload", `{nonRoot: Ignored, readOnlyRootFilesystem: Required}`)},
	"escalation":     {spec: ruleOf("Workload", "workload", `{noPrivilegeEscalation: Required}`)},
	"non-root":       {spec: ruleOf("Workload", "workload", `{nonRoot: Required}`)},
	"profile alone":  {spec: ruleOf("Workload", "workload", `{profile: Baseline}`)},
	"user alone":     {spec: ruleOf("Image", "image", `{user: NonRoot}`)},
	"tags alone":     {spec: ruleOf("Image", "image", `{deniedTags: [latest]}`)},
	"ports alone":    {spec: ruleOf("Image", "image", `{deniedPorts: [22]}`)},
	"age alone":      {spec: ruleOf("Image", "image", `{maxAgeDays: 0}`)},
	"secrets alone":  {spec: ruleOf("Image", "image", `{secretEnv: Denied}`)},
	"Workload":       {spec: ruleOf("Workload", "workload", `{profile: Restricted, nonRoot: Required, readOnlyRootFilesystem: Ignored, noPrivilegeEscalation: Required}`)},
	"Image":          {spec: ruleOf("Image", "image", `{maxAgeDays: 90, deniedTags: [latest], user: NonRoot, deniedPorts: [22], secretEnv: Denied, setuid: Allowed}`)},
	"setuid alone":   {spec: ruleOf("Image", "image", `{setuid: Denied}`)},
	"BaseImage":      {spec: ruleOf("BaseImage", "baseImage", `{allowed: ["docker.io/library/debian:*"], maxBehindDays: 30}`)},
	"CEL":            {`{rules: [{name: a, type: CEL, cel: {expression: "true"}}]}`, []string{`spec.rules[0]: rules of type CEL are not implemented in this version`}},
	"foreign member": {`{rules: [{name: a, type: Vulnerabilities, vulnerabilities: {maxCount: 0}, registries: {allowed: [x]}}]}`, []string{`spec.rules[0]: registries is set exactly where type is Registries`}},
	"all members": {allMembers, []string{
		`spec.rules[0]: baseImage is set exactly where type is BaseImage`,
		`spec.rules[0]: cel is set exactly where type is CEL`,
		`spec.rules[0]: image is set exactly where type is Image`,
		`spec.rules[0]: packages is set exactly where type is Packages`,
		`spec.rules[0]: registries is set exactly where type is Registries`,
		`spec.rules[0]: signatures is set exactly where type is Signatures`,
		`spec.rules[0]: workload is set exactly where type is Workload`,
	}},

	"neither count nor deadline": {vulnerabilities(`{fix: Available}`), []string{`spec.rules[0].vulnerabilities: set maxCount, deadlines or both`}},
	"negative count": {vulnerabilities(`{maxCount: -1}`), []string{
		`spec.rules[0].vulnerabilities.maxCount: Invalid value: -1: spec.rules[0].vulnerabilities.maxCount in body should be greater than or equal to 0`}},
	"exploitation Known": {vulnerabilities(`{exploitation: Known, maxCount: 0}`), []string{
		`spec.rules[0].vulnerabilities.exploitation: exploitation Known is not implemented in this version: no feed of known exploited vulnerabilities is read`}},
	"severity twice": {vulnerabilities(`{severities: [High, High], maxCount: 0}`), []string{`spec.rules[0].vulnerabilities.severities[1]: Duplicate value: "High"`}},
	"two deadlines of a severity": {vulnerabilities(`{deadlines: [{severity: High, days: 1}, {severity: High, days: 2}]}`), []string{
		`spec.rules[0].vulnerabilities.deadlines[1]: Duplicate value: {"severity":"High"}`}},
	"deadline that cannot count": {vulnerabilities(`{severities: [Low], deadlines: [{severity: High, days: 1}]}`), []string{
		`spec.rules[0].vulnerabilities: a deadline's severity is not among severities, so that it could never count`}},
	"deadline among severities":    {spec: vulnerabilities(`{severities: [High, Low], deadlines: [{severity: High, days: 1}]}`)},
	"deadline with no severities":  {spec: vulnerabilities(`{severities: [], deadlines: [{severity: High, days: 0}]}`)},
	"a count and a deadline":       {spec: vulnerabilities(`{maxCount: 3, deadlines: [{severity: High, days: 1}]}`)},
	"registries that say nothing":  {`{rules: [{name: a, type: Registries, registries: {}}]}`, []string{`spec.rules[0].registries: at least one of the fields in [allowed denied] must be set`}},
	"workload that says nothing":   {`{rules: [{name: a, type: Workload, workload: {}}]}`, []string{`spec.rules[0].workload: the rule requires nothing: set profile, or at least one of nonRoot, readOnlyRootFilesystem and noPrivilegeEscalation to Required`}},
	"workload that asks nothing":   {ruleOf("Workload", "workload", `{nonRoot: Ignored, readOnlyRootFilesystem: Ignored, noPrivilegeEscalation: Ignored}`), []string{`spec.rules[0].workload: the rule requires nothing: set profile, or at least one of nonRoot, readOnlyRootFilesystem and noPrivilegeEscalation to Required`}},
	"image that says nothing":      {`{rules: [{name: a, type: Image, image: {}}]}`, []string{`spec.rules[0].image: the rule limits nothing: set maxAgeDays, deniedTags, deniedPorts, user to NonRoot, or secretEnv or setuid to Denied`}},
	"image that asks nothing":      {ruleOf("Image", "image", `{user: Any, secretEnv: Allowed, setuid: Allowed}`), []string{`spec.rules[0].image: the rule limits nothing: set maxAgeDays, deniedTags, deniedPorts, user to NonRoot, or secretEnv or setuid to Denied`}},
	"packages that say nothing":    {ruleOf("Packages", "packages", `{}`), []string{`spec.rules[0].packages: at least one of the fields in [denied deniedSources deniedKinds] must be set`}},
	"no pattern":                   {ruleOf("Packages", "packages", `{denied: []}`), []string{`spec.rules[0].packages.denied: Invalid value: 0: spec.rules[0].packages.denied in body should have at least 1 items`}},
	"a pattern with a space":       {ruleOf("Registries", "registries", `{allowed: ["a b"]}`), []string{`spec.rules[0].registries.allowed[0]: Invalid value: "a b": spec.rules[0].registries.allowed[0] in body should match '^\S+$'`}},
	"a kind twice":                 {ruleOf("Packages", "packages", `{deniedKinds: [Shell, Shell]}`), []string{`spec.rules[0].packages.deniedKinds[1]: Duplicate value: "Shell"`}},
	"a kind that there is not":     {ruleOf("Packages", "packages", `{deniedKinds: [Telnet]}`), []string{`spec.rules[0].packages.deniedKinds[0]: Unsupported value: "Telnet": supported values: "Shell", "PackageManager", "Netcat", "Sudo", "SSHServer", "Compiler"`}},
	"a profile that there is not":  {ruleOf("Workload", "workload", `{profile: Privileged}`), []string{`spec.rules[0].workload.profile: Unsupported value: "Privileged": supported values: "Baseline", "Restricted"`}},
	"a setting that is no word":    {ruleOf("Workload", "workload", `{nonRoot: Always}`), []string{`spec.rules[0].workload.nonRoot: Unsupported value: "Always": supported values: "Ignored", "Required"`}},
	"a permission that is no word": {ruleOf("Image", "image", `{secretEnv: Required}`), []string{`spec.rules[0].image.secretEnv: Unsupported value: "Required": supported values: "Allowed", "Denied"`}},
	"a negative age":               {ruleOf("Image", "image", `{maxAgeDays: -1}`), []string{`spec.rules[0].image.maxAgeDays: Invalid value: -1: spec.rules[0].image.maxAgeDays in body should be greater than or equal to 0`}},
	"a port out of range":          {ruleOf("Image", "image", `{deniedPorts: [65536]}`), []string{`spec.rules[0].image.deniedPorts[0]: Invalid value: 65536: spec.rules[0].image.deniedPorts[0] in body should be less than or equal to 65535`}},
	"base image that says nothing": {`{rules: [{name: a, type: BaseImage, baseImage: {}}]}`, []string{`spec.rules[0].baseImage: at least one of the fields in [allowed maxBehindDays] must be set`}},

	"keyless":             {signatures(`{keyless: {issuer: a, subjectRegExp: b}}`), []string{signatureRefused}},
	"notation":            {signatures(`{notation: {certificatesRef: {name: a}}}`), []string{signatureRefused}},
	"signatures, none":    {signatures(`{}`), []string{signatureRefused, `spec.rules[0].signatures: exactly one of the fields in [keyless key notation] must be set`}},
	"signatures, two":     {signatures(`{key: {publicKey: a}, notation: {certificatesRef: {name: a}}}`), []string{signatureRefused, `spec.rules[0].signatures: exactly one of the fields in [keyless key notation] must be set`}},
	"key without a key":   {signatures(`{key: {}}`), []string{signatureRefused, `spec.rules[0].signatures.key: exactly one of the fields in [publicKey secretRef] must be set`}},
	"keyless for anybody": {signatures(`{keyless: {issuer: a}}`), []string{signatureRefused, `spec.rules[0].signatures.keyless: exactly one of the fields in [subject subjectRegExp] must be set`}},
	"keyless of any issuer": {signatures(`{keyless: {subject: a}}`), []string{signatureRefused,
		`spec.rules[0].signatures.keyless: exactly one of the fields in [issuer issuerRegExp] must be set`}},

	"exception by statement":        {spec: exception(`vulnerabilities: [CVE-2024-1], status: not_affected, statement: because`)},
	"exception by justification":    {spec: exception(`vulnerabilities: [GHSA-aaaa-bbbb-cccc], status: not_affected, justification: component_not_present`)},
	"exception of another status":   {spec: exception(`vulnerabilities: ["RHSA-2024:1234"], status: under_investigation`)},
	"exception without a reason":    {exception(`vulnerabilities: [CVE-2024-1], status: not_affected`), []string{`spec.exceptions[0]: status not_affected needs a justification or a statement`}},
	"exception from nothing":        {exception(`vulnerabilities: [], status: fixed`), []string{`spec.exceptions[0].vulnerabilities: Invalid value: 0: spec.exceptions[0].vulnerabilities in body should have at least 1 items`}},
	"exception without an id":       {exception(`status: fixed`), []string{`spec.exceptions[0].vulnerabilities: Required value`}},
	"unknown justification":         {exception(`vulnerabilities: [CVE-1], status: not_affected, justification: trust_me`), []string{`spec.exceptions[0].justification: Unsupported value: "trust_me": supported values: "component_not_present", "vulnerable_code_not_present", "vulnerable_code_not_in_execute_path", "vulnerable_code_cannot_be_controlled_by_adversary", "inline_mitigations_already_exist"`}},
	"ids in one string":             {exception(`vulnerabilities: ["CVE-1, CVE-2"], status: fixed`), []string{`spec.exceptions[0].vulnerabilities[0]: Invalid value: "CVE-1, CVE-2": spec.exceptions[0].vulnerabilities[0] in body should match '^[A-Za-z0-9][A-Za-z0-9._:-]*$'`}},
	"package that is not a purl":    {exception(`vulnerabilities: [CVE-1], packages: [openssl], status: fixed`), []string{`spec.exceptions[0].packages[0]: Invalid value: "openssl": spec.exceptions[0].packages[0] in body should match '^pkg:[a-zA-Z][a-zA-Z0-9.+-]*/\S+$'`}},
	"exceptions of one name":        {`{exceptions: [{name: a, vulnerabilities: [CVE-1], status: fixed}, {name: a, vulnerabilities: [CVE-2], status: fixed}]}`, []string{`spec.exceptions[1]: Duplicate value: {"name":"a"}`}},
	"pod selector with many labels": {`{selector: {podSelector: {matchLabels: {` + many(33, "k%d: v") + `}}}}`, []string{`spec.selector.podSelector: at most 32 matchLabels`}},
	"pod selector with a long label": {`{selector: {podSelector: {matchLabels: {` + long("k", 318) + `: v}}}}`, []string{
		`spec.selector.podSelector: a key of matchLabels has at most 317 characters, a value 63`}},
	"pod selector with many expressions": {`{selector: {podSelector: {matchExpressions: [` + many(33, "{key: k%d, operator: Exists}") + `]}}}`, []string{
		`spec.selector.podSelector: at most 32 matchExpressions`}},
	"pod selector with many values": {`{selector: {podSelector: {matchExpressions: [{key: k, operator: In, values: [` + many(65, "v%d") + `]}]}}}`, []string{
		`spec.selector.podSelector: a key of matchExpressions has at most 317 characters, and 64 values`}},
}

// clusterPolicyCases are about what only ClusterImagePolicy has.
var clusterPolicyCases = map[string]specCase{
	"namespace selector": {spec: `{namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}}`},
	"many labels":        {`{namespaceSelector: {matchLabels: {` + many(33, "k%d: v") + `}}}`, []string{`spec.namespaceSelector: at most 32 matchLabels`}},
	"long label": {`{namespaceSelector: {matchLabels: {a: ` + long("v", 64) + `}}}`, []string{
		`spec.namespaceSelector: a key of matchLabels has at most 317 characters, a value 63`}},
	"many expressions": {`{namespaceSelector: {matchExpressions: [` + many(33, "{key: k%d, operator: Exists}") + `]}}`, []string{
		`spec.namespaceSelector: at most 32 matchExpressions`}},
	"many values": {`{namespaceSelector: {matchExpressions: [{key: k, operator: In, values: [` + many(65, "v%d") + `]}]}}`, []string{
		`spec.namespaceSelector: a key of matchExpressions has at most 317 characters, and 64 values`}},
}

var databaseCases = map[string]specCase{
	"reference":          {spec: `{sources: [{reference: "ghcr.io/aquasecurity/trivy-db:2"}]}`},
	"digest":             {spec: `{sources: [{reference: "localhost:5000/db:2@sha256:` + long("a", 64) + `"}]}`},
	"address":            {spec: `{sources: [{reference: "[::1]:5000/a/b"}, {reference: "127.0.0.1:5000/a/b"}]}`},
	"directory":          {spec: `{sources: [{directory: /var/lib/trivy}], suspend: true}`},
	"no source":          {`{sources: []}`, []string{`spec.sources: Invalid value: 0: spec.sources in body should have at least 1 items`}},
	"nothing in it":      {`{sources: [{}]}`, []string{`spec.sources[0]: exactly one of the fields in [reference directory] must be set`}},
	"both":               {`{sources: [{reference: a.b/c, directory: /d}]}`, []string{`spec.sources[0]: exactly one of the fields in [reference directory] must be set`}},
	"relative":           {`{sources: [{directory: a}]}`, []string{`spec.sources[0].directory: Invalid value: "a": spec.sources[0].directory in body should match '^/'`}},
	"never":              {`{sources: [{directory: /a}], intervalMinutes: 0}`, []string{`spec.intervalMinutes: Invalid value: 0: spec.intervalMinutes in body should be greater than or equal to 1`}},
	"known exploited":    {`{sources: [{directory: /a}], knownExploited: {url: "https://a/b"}}`, []string{`spec.knownExploited: knownExploited is not implemented in this version`}},
	"exploit prediction": {`{sources: [{directory: /a}], exploitPrediction: {url: "https://a/b"}}`, []string{`spec.exploitPrediction: exploitPrediction is not implemented in this version`}},
}

const usablePolicy = `
suspend: false
enforcement: Audit
enforceOn: NewImages
unknownImages: Allow
selector:
  images: ["registry.example.com/shop/**"]
  podSelector: {matchLabels: {tier: backend}, matchExpressions: [{key: a, operator: In, values: [b]}]}
rules:
- {name: deadlines, type: Vulnerabilities, vulnerabilities: {fix: Available, clock: FirstObserved, deadlines: [{severity: Critical, days: 7}, {severity: High, days: 30}]}}
- {name: none, type: Vulnerabilities, action: Warn, vulnerabilities: {exploitation: Any, severities: [Critical, High, Medium, Low, Unknown], maxCount: 0}}
- {name: trusted, type: Registries, registries: {allowed: ["registry.example.com/**", "docker.io/library/*"]}}
- {name: small, type: Packages, action: Audit, packages: {denied: ["netcat*", sudo, openssh-server], deniedKinds: [Shell]}}
- {name: pod, type: Workload, action: Warn, workload: {profile: Restricted}}
- {name: hygiene, type: Image, action: Audit, image: {maxAgeDays: 90, deniedTags: [latest], user: NonRoot, deniedPorts: [22]}}
exceptions:
- {name: openssl, vulnerabilities: [CVE-2024-1234], packages: ["pkg:deb/debian/openssl"], images: ["docker.io/library/*"], status: not_affected,
   justification: vulnerable_code_not_in_execute_path, statement: "...", expirationTime: "2026-12-31T00:00:00Z"}
`

const wholeRemediation = `
remediation:
  updates: Propose
  forgeRef: {name: forge}
  repositories: [{url: "https://git.example.com/shop/api", branch: main, images: ["registry.example.com/shop/**"]}]
  files: ["**/Dockerfile"]
  majors: Allowed
  bases: ["docker.io/library/debian:12*", "registry.example.com:5000/base:v*"]
  minReleaseAgeDays: 3
  maxOpen: 5
  maxPerDay: 2
  schedule: {timeZone: Europe/Berlin, windows: [{days: [Monday, Friday], start: "22:00", durationMinutes: 240}]}
  labels: [security]
  reviewers: [ann]
  assignees: [bob]
  draft: Always
  autoMerge: WhenChecksPass
  grouping: Repository
  notifications: [{name: team, type: Slack, secretRef: {name: slack, key: url}, severities: [Critical], intervalMinutes: 10, template: "{{ . }}"}]
  rebuilds: [{name: ci, type: GitHubDispatch, secretRef: {name: github}, url: "https://api.github.com/repos/a/b", images: ["registry.example.com/shop/**"], timeoutMinutes: 30, parameters: [{name: ref, value: main}]}]
`

const countRule = `{name: count, type: Vulnerabilities, vulnerabilities: {maxCount: 0}}`

const allMembers = `{rules: [{name: a, type: Vulnerabilities, vulnerabilities: {maxCount: 0}, registries: {allowed: [x]}, signatures: {key: {publicKey: x}},
  packages: {denied: [x]}, workload: {profile: Baseline}, image: {maxAgeDays: 1}, baseImage: {maxBehindDays: 1}, cel: {expression: x}}]}`
