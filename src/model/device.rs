//! Which hardware runs the model.

use std::fmt;
use std::str::FromStr;

use ort::ep::ExecutionProviderDispatch;
#[cfg(any(
    feature = "cuda",
    feature = "tensorrt",
    feature = "coreml",
    feature = "directml",
    feature = "openvino"
))]
use ort::ep::{self, ExecutionProvider};

use super::ModelError;

/// A device as the user names it: `auto`, `cpu`, `cuda[:N]`, `tensorrt[:N]`, `coreml`, `directml[:N]` or `openvino`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// The first of CUDA, Core ML, DirectML and OpenVINO that is compiled in, offered by the library and starts; the CPU
    /// otherwise. TensorRT is taken only by name, since it compiles the model for minutes.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card through CUDA.
    Cuda {
        /// Number of the card, from 0.
        id: i32,
    },
    /// An NVIDIA card through TensorRT.
    TensorRt {
        /// Number of the card, from 0.
        id: i32,
    },
    /// Apple's Core ML.
    CoreMl,
    /// A Direct3D 12 card on Windows.
    DirectMl {
        /// Number of the card, from 0.
        id: i32,
    },
    /// Intel's OpenVINO.
    OpenVino,
}

/// A device name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown device `{0}`; choose auto, cpu, cuda, cuda:N, tensorrt, tensorrt:N, coreml, directml, directml:N or openvino"
)]
pub struct UnknownDevice(String);

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse::<u16>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let id = i32::from(number.unwrap_or(0));
        match (name, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda { id }),
            ("tensorrt", _) => Ok(Self::TensorRt { id }),
            ("coreml", None) => Ok(Self::CoreMl),
            ("directml", _) => Ok(Self::DirectMl { id }),
            ("openvino", None) => Ok(Self::OpenVino),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.feature().unwrap_or(if *self == Self::Auto { "auto" } else { "cpu" }))?;
        match self {
            Self::Cuda { id } | Self::TensorRt { id } | Self::DirectMl { id } if *id > 0 => write!(f, ":{id}"),
            _ => Ok(()),
        }
    }
}

impl Device {
    /// The devices to try in turn.
    pub(super) fn candidates(self) -> Vec<Self> {
        match self {
            Self::Auto => vec![Self::Cuda { id: 0 }, Self::CoreMl, Self::DirectMl { id: 0 }, Self::OpenVino, Self::Cpu],
            named => vec![named],
        }
    }

    /// Whether nothing but the processor can come of it in this build.
    pub fn is_processor_only(self) -> bool {
        self.candidates().into_iter().all(|device| device == Self::Cpu || !device.is_compiled_in())
    }

    /// Whether this build of riskgate can drive the device at all.
    pub fn is_compiled_in(self) -> bool {
        match self {
            Self::Auto | Self::Cpu => true,
            Self::Cuda { .. } => cfg!(feature = "cuda"),
            Self::TensorRt { .. } => cfg!(feature = "tensorrt"),
            Self::CoreMl => cfg!(feature = "coreml"),
            Self::DirectMl { .. } => cfg!(feature = "directml"),
            Self::OpenVino => cfg!(feature = "openvino"),
        }
    }

    /// The Cargo feature that brings the device; none for the processor.
    fn feature(self) -> Option<&'static str> {
        match self {
            Self::Auto | Self::Cpu => None,
            Self::Cuda { .. } => Some("cuda"),
            Self::TensorRt { .. } => Some("tensorrt"),
            Self::CoreMl => Some("coreml"),
            Self::DirectMl { .. } => Some("directml"),
            Self::OpenVino => Some("openvino"),
        }
    }

    /// The execution provider to register; none for the processor, which every session has. The runtime must be loaded.
    pub(super) fn provider(self) -> Result<Option<ExecutionProviderDispatch>, ModelError> {
        match self {
            Self::Auto | Self::Cpu => Ok(None),
            #[cfg(feature = "cuda")]
            Self::Cuda { id } => {
                offered(self, ep::CUDA::is_available(), || ep::CUDA::default().with_device_id(id).build())
            }
            #[cfg(feature = "tensorrt")]
            Self::TensorRt { id } => {
                offered(self, ep::TensorRT::is_available(), || ep::TensorRT::default().with_device_id(id).build())
            }
            #[cfg(feature = "coreml")]
            Self::CoreMl => offered(self, ep::CoreML::is_available(), || ep::CoreML::default().build()),
            #[cfg(feature = "directml")]
            Self::DirectMl { id } => {
                offered(self, ep::DirectML::is_available(), || ep::DirectML::default().with_device_id(id).build())
            }
            #[cfg(feature = "openvino")]
            Self::OpenVino => offered(self, ep::OpenVINO::is_available(), || ep::OpenVINO::default().build()),
            #[allow(unreachable_patterns, reason = "reached only by devices that are not compiled in")]
            other => Err(ModelError::DeviceNotCompiled { device: other, feature: other.feature().unwrap_or_default() }),
        }
    }
}

#[cfg(any(feature = "cuda", feature = "tensorrt", feature = "coreml", feature = "directml", feature = "openvino"))]
fn offered(
    device: Device,
    available: ort::Result<bool>,
    provider: impl FnOnce() -> ExecutionProviderDispatch,
) -> Result<Option<ExecutionProviderDispatch>, ModelError> {
    match available {
        Ok(true) => Ok(Some(provider().error_on_failure())),
        Ok(false) => Err(ModelError::DeviceNotOffered { device }),
        Err(source) => Err(ModelError::Device { device, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_it_prints() {
        for name in ["auto", "cpu", "cuda", "cuda:1", "tensorrt", "tensorrt:2", "coreml", "directml:3", "openvino"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda:0".parse::<Device>().unwrap(), Device::Cuda { id: 0 });
    }

    #[test]
    fn a_wrong_name_lists_the_choices() {
        for name in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "openvino:1", "CUDA"] {
            let error = name.parse::<Device>().unwrap_err().to_string();
            assert!(error.contains("choose auto, cpu, cuda"), "{error}");
        }
    }

    #[test]
    fn auto_ends_with_the_processor() {
        assert_eq!(Device::Auto.candidates().last(), Some(&Device::Cpu));
    }
}
