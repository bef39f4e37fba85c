//! Questions to whom is not ours: over TLS, with the authorities that browsers believe and those that the settings add. What
//! is ours speaks plain HTTP in a network of its own.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore, crypto::ring};

use crate::{StartError, chain};

/// One question takes no longer.
const ASK_MAX: Duration = Duration::from_secs(5);

/// Whose certificates are believed.
#[derive(clap::Args, Clone, Debug)]
pub struct OutwardConfig {
    /// File with certificates (PEM) of authorities that are believed besides the public ones, where this platform asks others
    /// over https. Read at the start.
    #[arg(long, env = "BELLHOP_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

impl OutwardConfig {
    /// What asks.
    ///
    /// # Errors
    /// A setting error that names the file.
    pub fn outward(&self) -> Result<Outward, StartError> {
        let public = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        let mut roots: RootCertStore = public.collect();
        if let Some(file) = &self.ca_file {
            let wrong = |why: String| {
                StartError::Setting(format!(
                    "BELLHOP_CA_FILE: {}: {why}; it has certificates of authorities, as PEM",
                    file.display()
                ))
            };
            let listed = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
            let listed = listed.collect::<Result<Vec<_>, _>>();
            let listed = listed.map_err(|error| wrong(error.to_string()))?;
            if listed.is_empty() {
                return Err(wrong("there is none in it".to_owned()));
            }
            for certificate in listed {
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
        }
        Outward::believing(roots)
            .map_err(|error| StartError::Setting(format!("The HTTPS client cannot be made: {error}")))
    }
}

/// Asks others. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outward(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Outward {
    fn believing(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1();
        // No connection is kept: questions are minutes apart.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector.build());
        Ok(Self(client))
    }

    /// What is there, of at most so many bytes. A redirect is no answer.
    ///
    /// # Errors
    /// Why there is none, for an operator, without the URL.
    pub async fn get(&self, url: &Uri, bytes_most: usize) -> Result<Bytes, String> {
        let asked = tokio::time::timeout(ASK_MAX, self.ask(url, bytes_most)).await;
        asked.unwrap_or_else(|_| Err(format!("there was no answer within {} s", ASK_MAX.as_secs())))
    }

    async fn ask(&self, url: &Uri, bytes_most: usize) -> Result<Bytes, String> {
        let request = Request::get(url)
            .header(header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = self.0.request(request).await.map_err(|error| why(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answered {}", response.status()));
        }
        let body = Limited::new(response.into_body(), bytes_most).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                format!("it has more than {bytes_most} bytes")
            } else {
                chain(&*error)
            }
        })?;
        Ok(body.to_bytes())
    }
}

/// Why there is no connection; of certificates, with the remedy.
fn why(error: &(dyn Error + 'static)) -> String {
    let Some(rustls::Error::InvalidCertificate(wrong)) = of_tls(error) else {
        return chain(error);
    };
    match wrong {
        // The signature is wrong where somebody is called as an authority that is believed.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody who is believed here made its certificate; put that of its authority into the file of BELLHOP_CA_FILE"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is of another name: {wrong}")
        }
        // Without the time, which makes another text of the same reason each time.
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not good yet, or a clock is wrong".to_owned()
        }
        _ => format!("its certificate is not good: {wrong}"),
    }
}

/// What TLS said, however deep it lies.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // The source of an error of input and output is that of the error in it.
    let within = error.downcast_ref::<std::io::Error>();
    if let Some(within) = within.and_then(std::io::Error::get_ref) {
        return of_tls(within);
    }
    of_tls(error.source()?)
}
