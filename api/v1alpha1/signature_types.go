package v1alpha1

// SignaturesRule requires a valid signature of one kind.
//
// +kubebuilder:validation:ExactlyOneOf=keyless;key;notation
type SignaturesRule struct {
	// keyless trusts identities of an OIDC issuer.
	//
	// +optional
	Keyless *KeylessSignature `json:"keyless,omitempty"`
	// key trusts a public key.
	//
	// +optional
	Key *KeySignature `json:"key,omitempty"`
	// notation trusts certificates of a Notary Project trust store.
	//
	// +optional
	Notation *NotationSignature `json:"notation,omitempty"`
}

// KeylessSignature trusts identities of an OIDC issuer.
//
// +kubebuilder:validation:ExactlyOneOf=issuer;issuerRegExp
// +kubebuilder:validation:ExactlyOneOf=subject;subjectRegExp
type KeylessSignature struct {
	// issuer of the identity, exactly.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Issuer string `json:"issuer,omitempty"`
	// issuerRegExp that the whole issuer matches.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	IssuerRegExp string `json:"issuerRegExp,omitempty"`
	// subject of the identity, exactly.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Subject string `json:"subject,omitempty"`
	// subjectRegExp that the whole subject matches.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	SubjectRegExp string `json:"subjectRegExp,omitempty"`
	// trustRootRef names a key of a ConfigMap with a sigstore trusted root; absent: the public good instance.
	//
	// +optional
	TrustRootRef *LocalKeyReference `json:"trustRootRef,omitempty"`
}

// KeySignature trusts a public key.
//
// +kubebuilder:validation:ExactlyOneOf=publicKey;secretRef
type KeySignature struct {
	// publicKey in PEM.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	PublicKey string `json:"publicKey,omitempty"`
	// secretRef names a key of a Secret with the public key in PEM.
	//
	// +optional
	SecretRef *LocalKeyReference `json:"secretRef,omitempty"`
}

// NotationSignature trusts certificates of a Notary Project trust store.
type NotationSignature struct {
	// certificatesRef names a key of a ConfigMap with the certificates in PEM.
	//
	// +required
	CertificatesRef LocalKeyReference `json:"certificatesRef"`
	// trustedIdentities as x509 subjects. Empty: all that the certificates vouch for.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	TrustedIdentities []string `json:"trustedIdentities,omitempty"`
}
