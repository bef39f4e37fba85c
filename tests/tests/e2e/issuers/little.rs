//! A little issuer, with or without TLS, whose words and certificates change, and an authority of our own for those.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A key of an issuer's.
pub(super) struct Key {
    kid: &'static str,
    signs: EncodingKey,
}

impl Key {
    /// A new one.
    pub(super) fn make(kid: &'static str) -> Self {
        let mut seed = [0_u8; 32];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom").unwrap(), &mut seed).unwrap();
        // PKCS #8 of an Ed25519 key (RFC 8410, section 7): a head that is always the same, and 32 bytes.
        let mut der = vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        der.extend(seed);
        Self {
            kid,
            signs: EncodingKey::from_ed_der(&der),
        }
    }

    pub(super) fn published(&self) -> Value {
        let key = Jwk::from_encoding_key(&self.signs, Algorithm::EdDSA).unwrap();
        let mut key = serde_json::to_value(key).unwrap();
        key["kid"] = self.kid.into();
        key
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.signs).unwrap()
    }
}

/// Makes certificates.
pub(super) struct Authority {
    signs: rcgen::Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    pub(super) fn make() -> Self {
        let mut of = CertificateParams::new([]).unwrap();
        of.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = of.self_signed(&key).unwrap();
        Self {
            signs: rcgen::Issuer::new(of, key),
            certificate,
        }
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate of this name, with its key.
    pub(super) fn certificate(&self, name: &str) -> TlsAcceptor {
        self.signed(&CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// One that is over.
    pub(super) fn certificate_of_before(&self, name: &str) -> TlsAcceptor {
        let mut of = CertificateParams::new([name.to_owned()]).unwrap();
        of.not_before = date_time_ymd(2020, 1, 1);
        of.not_after = date_time_ymd(2021, 1, 1);
        self.signed(&of)
    }

    fn signed(&self, of: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = of.signed_by(&key, &self.signs).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// What an issuer says now, and what it shows.
struct Says {
    document: Value,
    keys: Value,
    shows: Option<TlsAcceptor>,
}

/// Publishes keys until it is dropped.
pub(super) struct Issuer {
    port: u16,
    says: Arc<Mutex<Says>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Issuer {
    /// Without TLS.
    pub(super) async fn plain(key: &Key) -> Self {
        Self::start(key, None).await
    }

    /// Behind a certificate.
    pub(super) async fn over_tls(key: &Key, certificate: TlsAcceptor) -> Self {
        Self::start(key, Some(certificate)).await
    }

    #[expect(clippy::disallowed_methods, reason = "is ended when it is dropped")]
    async fn start(key: &Key, shows: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let document = json!({
            "issuer": format!("https://localhost:{port}/realm"), "jwks_uri": format!("https://localhost:{port}/keys"),
        });
        let says = Arc::new(Mutex::new(Says {
            document,
            keys: Value::Null,
            shows,
        }));
        let issuer = Self {
            port,
            says: Arc::clone(&says),
            serving: tokio::spawn(serve(listener, says)),
        };
        issuer.publish(key);
        issuer
    }

    /// What it is called, by this name of the machine.
    pub(super) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/realm", self.port)
    }

    /// Where its keys are without TLS.
    pub(super) fn keys_url(&self) -> String {
        format!("http://127.0.0.1:{}/keys", self.port)
    }

    /// This key and no other from now on.
    pub(super) fn publish(&self, key: &Key) {
        self.now(|says| says.keys = json!({"keys": [key.published()]}));
    }

    /// Another word in its document from now on.
    pub(super) fn says(&self, what: &str, word: &str) {
        self.now(|says| says.document[what] = word.into());
    }

    /// Another certificate from now on.
    pub(super) fn shows(&self, certificate: TlsAcceptor) {
        self.now(|says| says.shows = Some(certificate));
    }

    fn now(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, says: Arc<Mutex<Says>>) {
    type Said = State<Arc<Mutex<Says>>>;
    fn read<T>(State(says): Said, what: impl FnOnce(&Says) -> T) -> T {
        what(&says.lock().unwrap_or_else(PoisonError::into_inner))
    }
    let keys = async |said: Said| Json(read(said, |says| says.keys.clone()));
    let document = async |said: Said| Json(read(said, |says| says.document.clone()));
    let routes = Router::new()
        .route("/keys", get(keys))
        .route("/realm/.well-known/openid-configuration", get(document))
        .with_state(Arc::clone(&says));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shows = read(State(Arc::clone(&says)), |says| says.shows.clone());
        // One after the other: whoever asks does so seldom. Who does not believe the certificate ends the connection.
        let _ = answer(stream, shows, routes.clone()).await;
    }
}

async fn answer(stream: TcpStream, shows: Option<TlsAcceptor>, routes: Router) -> Option<()> {
    let service = TowerToHyperService::new(routes);
    let http = http1::Builder::new();
    match shows {
        None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
        Some(shows) => {
            let stream = TokioIo::new(shows.accept(stream).await.ok()?);
            http.serve_connection(stream, service).await.ok()
        }
    }
}
