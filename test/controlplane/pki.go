package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificateLifetime is long enough for a demo that is left running and short enough for keys on a disk.
const certificateLifetime = 30 * 24 * time.Hour

// pki is the cluster's certificates and keys, as PEM. One serving pair serves all components, as all
// listen on the loopback address, and one client pair is everybody's: access control between
// the control plane's own pieces is not what a test cluster is for.
type pki struct {
	ca             []byte
	serving, admin keyPair
	serviceAccount keyPair // a bare key: cert is its public half
}

type keyPair struct{ cert, key []byte }

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPKI(now time.Time) (pki, error) {
	ca, caPEM, err := newAuthority(now)
	if err != nil {
		return pki{}, fmt.Errorf("make certificate authority: %w", err)
	}
	serving, err := ca.issue(now, &x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"},
		// etcd is also its own client.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), serviceIP},
	})
	if err != nil {
		return pki{}, fmt.Errorf("issue serving certificate: %w", err)
	}
	admin, err := ca.issue(now, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return pki{}, fmt.Errorf("issue admin certificate: %w", err)
	}
	serviceAccount, err := newSigningKey()
	if err != nil {
		return pki{}, fmt.Errorf("make service account key: %w", err)
	}
	return pki{ca: caPEM, serving: serving, admin: admin, serviceAccount: serviceAccount}, nil
}

func newAuthority(now time.Time) (authority, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "plimsoll test cluster"},
		SerialNumber:          big.NewInt(1),
		NotBefore:             now.Add(-time.Minute),
		NotAfter:              now.Add(certificateLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, nil, err
	}
	return authority{cert: cert, key: key}, encode("CERTIFICATE", der), nil
}

func (a authority) issue(now time.Time, template *x509.Certificate) (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return keyPair{}, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-time.Minute)
	template.NotAfter = now.Add(certificateLifetime)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return keyPair{}, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{cert: encode("CERTIFICATE", der), key: encode("EC PRIVATE KEY", private)}, nil
}

func newSigningKey() (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{cert: encode("PUBLIC KEY", public), key: encode("EC PRIVATE KEY", private)}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// write puts what the components read from files into dir.
func (p pki) write(dir string) error {
	files := map[string][]byte{
		"ca.crt":      p.ca,
		"serving.crt": p.serving.cert, "serving.key": p.serving.key,
		"admin.crt": p.admin.cert, "admin.key": p.admin.key,
		"sa.pub": p.serviceAccount.cert, "sa.key": p.serviceAccount.key,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("write key material: %w", err)
		}
	}
	return nil
}
