//! placeholder
use crate::args::Demo; use crate::failure::Failure; use crate::print::Out;
pub(crate) async fn run(_asked: Demo, _out: Out) -> Result<(), Failure> { Err(Failure::said("later")) }
