#!/usr/bin/env bash
# Makes every certificate of the TLS tests, good and bad, with the openssl command.
#
# usage: certificates.sh DIRECTORY
set -euo pipefail
cd "$1"

cat >ca.cnf <<'END'
[ca]
default_ca = made
[made]
database = index
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
email_in_dn = no
preserve = yes
[any]
commonName = optional
[req]
distinguished_name = none
[none]
END
: >index

valid_from=20200101000000Z
valid_to=20491231235959Z

# key NAME ALGORITHM...: a key, and a request with it, which every certificate for that key is made from.
key() {
  local name=$1
  shift
  openssl genpkey "$@" -out "$name.key" 2>/dev/null
  openssl req -new -config ca.cnf -key "$name.key" -subj "/CN=$name" -out "$name.csr"
}

# certificate NAME KEY ISSUER EXTENSIONS [openssl ca arguments]: extensions are separated by `|`. An ISSUER
# of `self` signs itself.
certificate() {
  local name=$1 key=$2 issuer=$3 extensions=$4
  shift 4
  tr '|' '\n' <<<"$extensions" >extensions
  local signer=(-cert "$issuer.pem" -keyfile "$issuer.key")
  if [[ $issuer == self ]]; then signer=(-selfsign -keyfile "$key.key"); fi
  openssl ca -config ca.cnf -batch -notext -in "$key.csr" -out "$name.pem" -extfile extensions \
    -subj "/CN=$name" -startdate "$valid_from" -enddate "$valid_to" "${signer[@]}" "$@" 2>log ||
    { cat log >&2; exit 1; }
  if [[ ! -e $name.key ]]; then cp "$key.key" "$name.key"; fi
}

# revocations NAME ISSUER [openssl ca arguments]: the revocation list of an issuer.
revocations() {
  local name=$1 issuer=$2
  shift 2
  openssl ca -config ca.cnf -gencrl -cert "$issuer.pem" -keyfile "$issuer.key" -out "$name.crl" \
    "$@" 2>log || { cat log >&2; exit 1; }
}

authority='basicConstraints=critical,CA:TRUE|keyUsage=critical,keyCertSign,cRLSign|subjectKeyIdentifier=hash'
server='basicConstraints=CA:FALSE|extendedKeyUsage=serverAuth'

p256=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
for name in leaf root other; do key "$name" "${p256[@]}"; done
for name in inter inter2 flat constrained notca nosign short shortinter late revokedinter; do
  cp root.key "$name.key" # which key a bad authority has does not matter
done
key rsa2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
key rsa1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
key ed25519 -algorithm ED25519
key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384

# --- authorities ---
certificate root root self "$authority"
certificate other other self "$authority"
certificate inter root root "$authority"
certificate inter2 root inter "$authority"
certificate flat root root "${authority/CA:TRUE/CA:TRUE,pathlen:0}"
certificate short root flat "$authority" # one more than its issuer may have below it
certificate notca root root 'basicConstraints=critical,CA:FALSE'
certificate nosign root root "${authority/keyCertSign,/}"
certificate late root root "$authority" -enddate 20210101000000Z
certificate constrained root root "$authority|nameConstraints=critical,permitted;DNS:inside.test"
certificate revokedinter root root "$authority"
certificate rsa2048 rsa2048 root "$authority"
certificate rsa1024 rsa1024 root "$authority"

# --- what a client must accept ---
good="$server|subjectAltName=DNS:good.test"
certificate good leaf inter "$good"
certificate rsa rsa2048 inter "$good"
certificate ed25519 ed25519 inter "$good"
certificate p384 p384 inter "$good"
certificate deep leaf inter2 "$good"
certificate direct leaf root "$good"
certificate wildcard leaf inter "$server|subjectAltName=DNS:*.wild.test"
certificate idna leaf inter "$server|subjectAltName=DNS:xn--bcher-kva.test"
certificate ip leaf inter "$server|subjectAltName=IP:127.0.0.1"
certificate ip6 leaf inter "$server|subjectAltName=IP:::1"
certificate several leaf inter "$server|subjectAltName=DNS:one.test,DNS:good.test,IP:127.0.0.2"
certificate bothuses leaf inter "$good,DNS:x.test|extendedKeyUsage=serverAuth,clientAuth"
certificate anyuse leaf inter 'basicConstraints=CA:FALSE|subjectAltName=DNS:good.test'
certificate nosubject leaf inter "$server|subjectAltName=critical,DNS:good.test" -subj /
certificate upper leaf inter "$server|subjectAltName=DNS:GOOD.Test"
certificate inside leaf constrained "$server|subjectAltName=DNS:good.inside.test"
certificate client leaf inter 'basicConstraints=CA:FALSE|extendedKeyUsage=clientAuth'
certificate clientexpired leaf inter 'basicConstraints=CA:FALSE|extendedKeyUsage=clientAuth' -enddate 20210101000000Z
certificate second leaf inter "$server|subjectAltName=DNS:second.test"

# --- what it must refuse ---
certificate expired leaf inter "$good" -enddate 20210101000000Z
certificate early leaf inter "$good" -startdate 20480101000000Z
certificate selfsigned leaf self "$good"
certificate untrusted leaf other "$good"
certificate clientonly leaf inter 'basicConstraints=CA:FALSE|extendedKeyUsage=clientAuth|subjectAltName=DNS:good.test'
certificate cnonly leaf inter "$server" -subj /CN=good.test
certificate cnother leaf inter "$server|subjectAltName=DNS:other.test" -subj /CN=good.test
certificate emailonly leaf inter "$server|subjectAltName=email:a@good.test" -subj /CN=good.test
certificate partial leaf inter "$server|subjectAltName=DNS:g*.test,DNS:g*.wild.test,DNS:*d.wild.test"
certificate top leaf inter "$server|subjectAltName=DNS:*.test"
certificate star leaf inter "$server|subjectAltName=DNS:*"
certificate middle leaf inter "$server|subjectAltName=DNS:a.*.wild.test"
certificate idnawild leaf inter "$server|subjectAltName=DNS:xn--*.wild.test"
certificate dnsip leaf inter "$server|subjectAltName=DNS:127.0.0.1"
certificate wildip leaf inter "$server|subjectAltName=DNS:*.0.0.1"
# good.test, NUL, .evil.test
certificate nul leaf inter "$server|subjectAltName=DER:301682$(printf '%02x' 20)$(printf 'good.test\0.evil.test' | od -An -tx1 | tr -d ' \n')"
certificate emptyname leaf inter "$server|subjectAltName=DER:30028200"
certificate unknown leaf inter "$good|1.2.3.4.5=critical,DER:0500"
certificate weakkey rsa1024 inter "$good"
certificate weakissuer leaf rsa1024 "$good"
certificate sha1 leaf inter "$good" -md sha1
certificate md5 leaf rsa2048 "$good" -md md5
certificate revoked leaf inter "$good"
certificate belowrevoked leaf revokedinter "$good"
certificate belowshort leaf short "$good"
certificate belownotca leaf notca "$good"
certificate belownosign leaf nosign "$good"
certificate belowlate leaf late "$good"
certificate outside leaf constrained "$good"

# A signature that somebody changed: the last byte of the certificate.
openssl x509 -in good.pem -outform DER -out changed.der
size=$(wc -c <changed.der)
last=$(tail -c 1 changed.der | od -An -tu1)
head -c $((size - 1)) changed.der >changed2.der
printf "\\x$(printf %02x $((last ^ 1)))" >>changed2.der
openssl x509 -inform DER -in changed2.der -out changed.pem
cp leaf.key changed.key

openssl ca -config ca.cnf -revoke revoked.pem -cert inter.pem -keyfile inter.key 2>/dev/null
openssl ca -config ca.cnf -revoke revokedinter.pem -cert root.pem -keyfile root.key 2>/dev/null
current=(-crl_lastupdate "$valid_from" -crl_nextupdate "$valid_to")
revocations root root "${current[@]}"
revocations inter inter "${current[@]}"
revocations revokedinter revokedinter "${current[@]}"
revocations old inter -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z

# --- chains as a server sends them ---
chain() { cat "${@/%/.pem}" >"$1-chain.pem"; }
for name in good rsa ed25519 p384 wildcard idna ip ip6 several bothuses anyuse nosubject upper client clientexpired second \
  expired early clientonly cnonly cnother emailonly partial top star middle idnawild dnsip wildip nul \
  emptyname unknown weakkey sha1 revoked changed; do
  chain "$name" inter
done
chain deep inter2 inter
chain direct
chain selfsigned
chain untrusted other
chain md5 rsa2048
chain weakissuer rsa1024
chain inside constrained
chain outside constrained
chain belowrevoked revokedinter
chain belowshort short flat
chain belownotca notca
chain belownosign nosign
chain belowlate late
cat good.pem >missing-chain.pem
cp leaf.key missing.key
cat good.pem other.pem untrusted.pem inter.pem >surplus-chain.pem
cp leaf.key surplus.key
