#!/bin/sh
# certificates.sh FOLDER: the certificates of the tests, made anew by the openssl command so that no private key is ever committed.
#
#   ca                 signs the good ones (.pem; the keys lie beside them as .key)
#   server, second     for localhost, example.test, 127.0.0.1, ::1; second is what a reload brings
#   other              for other.test and all directly below wild.test
#   rsa                as server, but its key is RSA, of the shortest length that is sound
#   client             for a client: CN=client
#   stranger           as server, but signed by other-ca
#   expired            as server, but its time is over
#   locked.key         the server's key under the password "secret"
set -eu
umask 077
mkdir -p "$1"
cd "$1"
names='subjectAltName=DNS:localhost,DNS:example.test,IP:127.0.0.1,IP:::1'

key() {
    case $1 in
    rsa) openssl genrsa -out rsa.key 2048 2>/dev/null ;;
    *) openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" ;;
    esac
}

# authority NAME
authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=tidemill test $1" -days 3650 -out "$1.pem" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

# signed NAME AUTHORITY SUBJECT EXTENSION DAYS
signed() {
    key "$1"
    printf 'basicConstraints=critical,CA:FALSE\n%s\n' "$4" >"$1.ext"
    openssl req -new -key "$1.key" -subj "/CN=$3" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -set_serial "0x$(openssl rand -hex 8)" -days "$5" \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
    rm "$1.csr" "$1.ext"
}

authority ca
authority other-ca
signed server ca server "$names" 3650
signed second ca second "$names" 3650
signed other ca other 'subjectAltName=DNS:other.test,DNS:*.wild.test' 3650
signed rsa ca rsa "$names" 3650
signed client ca client extendedKeyUsage=clientAuth 3650
signed stranger other-ca stranger "$names" 3650
signed expired ca expired "$names" -1
openssl ec -in server.key -aes256 -passout pass:secret -out locked.key 2>/dev/null
